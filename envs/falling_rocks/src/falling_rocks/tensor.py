"""The tensor form: many games at once in torch, on any device."""

from collections.abc import Mapping
from typing import Any

import torch
from gymnasium.error import ResetNeeded
from torch import Tensor

from falling_rocks import state_dicts
from falling_rocks.checks import check_num_envs
from falling_rocks.drawing import RowTables, draw, make_row_tables
from falling_rocks.rules import NUM_ACTIONS, Rules, State, advance, start
from falling_rocks.spawns import SpawnStream, columns, slots

Step = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class FallingRocksTensorEnv:
    """``num_envs`` games of Falling Rocks whose state lives on a torch device.

    All games run in lock-step, so that nothing in `step` waits for the device. When they end, they
    restart in the same step.

    Args:
        num_envs: the number of games.
        device: where the state, the actions, the observations and the rewards are.
        seed: seeds everything random; ``None`` for a seed that differs each time.
        parameters: those of `Rules`.
    """

    num_actions = NUM_ACTIONS

    def __init__(
        self,
        num_envs: int,
        device: torch.device | str = "cpu",
        seed: int | None = None,
        **parameters: Any,
    ) -> None:
        self.num_envs = check_num_envs(num_envs)
        self.rules = Rules(**parameters)
        self.device = torch.device(device)
        self.single_observation_shape = self.rules.observation_shape
        self.elapsed = 0
        self._tables = RowTables(
            *(torch.as_tensor(table).to(device) for table in make_row_tables(self.rules))
        )
        self._generator = torch.Generator(device)
        self._spawns = SpawnStream(num_envs, self._sample_spawns)
        self._state: State | None = None
        self._seed(seed)

    def reset(self, seed: int | None = None) -> Tensor:
        """Start new games; a ``seed`` seeds everything random, ``None`` lets it run on.

        Returns:
            The observation, shape ``(num_envs, *single_observation_shape)``.
        """
        if seed is not None:
            self._seed(seed)
        return self._restart()

    def step(self, actions: Tensor) -> Step:
        """Play one step in every game, with random spawns.

        Args:
            actions: integers from 0 to 2 of shape ``(num_envs,)``, on the device. They are not
                checked: that would wait for the device.

        Returns:
            Observation, reward (float32), terminated, truncated, and the final observation: that
            before the restart where games ended, and otherwise the observation itself.
        """
        return self.advance(actions, self._spawns.next())

    def advance(self, actions: Tensor, spawns: Tensor) -> Step:
        """Play one step with the given spawns, columns or -1, of shape ``(num_envs,)``."""
        self._state, reward = advance(
            self.rules, self.state, actions.to(torch.int16), spawns.to(torch.int16)
        )
        self.elapsed += 1
        done = self.elapsed >= self.rules.steps
        final_obs = self.observation
        obs = self._restart() if done else final_obs
        terminated = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
        truncated = torch.full_like(terminated, done)
        return obs, reward.float(), terminated, truncated, final_obs

    @property
    def observation(self) -> Tensor:
        """The current observation, a fresh tensor."""
        observation: Tensor = draw(torch, _take, self.rules, self._tables, self.state)
        return observation

    @property
    def state(self) -> State:
        """The state of the games, int16 tensors of shape ``(num_envs,)``."""
        if self._state is None:
            raise ResetNeeded("the games have not started: call reset() first")
        return self._state

    def set_state(self, state: State, elapsed: int = 0) -> Tensor:
        """Put the games into ``state``, after ``elapsed`` steps; returns the observation."""
        rocks = tuple(self._integers(rock) for rock in state.rocks)
        self._state = State(rocks, self._integers(state.bowl))
        self.elapsed = elapsed
        return self.observation

    def state_dict(self) -> dict[str, Any]:
        """The state, the generator included, as tensors and JSON-able values."""
        pending = self._spawns.pending
        no_spawns = self.state.bowl.new_empty((0, self.num_envs))
        return {
            **state_dicts.header(self.rules, self.num_envs),
            "rocks": torch.stack(self.state.rocks),
            "bowl": self.state.bowl.clone(),
            "elapsed": self.elapsed,
            "generator": self._generator.get_state(),
            "spawns": torch.stack(pending) if pending else no_spawns,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state_dict` was called; `observation` is what it was then.

        Raises:
            ValueError: for the state of an environment with other parameters.
        """
        self.set_state(state_dicts.read_state(state, self.rules, self.num_envs), state["elapsed"])
        self._generator.set_state(state["generator"].cpu())
        self._spawns.pending = self._integers(state["spawns"]).unbind()

    def _seed(self, seed: int | None) -> None:
        if seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(seed)
        self._spawns.pending = []

    def _restart(self) -> Tensor:
        rock, bowl = torch.randint(
            self.rules.size,
            (2, self.num_envs),
            generator=self._generator,
            dtype=torch.int16,
            device=self.device,
        )
        return self.set_state(start(self.rules, rock, bowl))

    def _sample_spawns(self, steps: int) -> Tensor:
        uniform = torch.rand((steps, self.num_envs), generator=self._generator, device=self.device)
        spawns: Tensor = columns(self.rules, slots(self.rules, uniform).to(torch.int16))
        return spawns

    def _integers(self, values: Any) -> Tensor:
        return torch.as_tensor(values).to(self.device, torch.int16, copy=True)


def _take(table: Tensor, index: Tensor) -> Tensor:
    return table.index_select(0, index.flatten().int()).view(*index.shape, -1)
