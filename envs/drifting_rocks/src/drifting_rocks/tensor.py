"""The tensor form: many games at once in torch, on any device."""

from collections.abc import Mapping
from typing import Any

import torch
from gymnasium.error import ResetNeeded
from torch import Tensor

from drifting_rocks import state_dicts
from drifting_rocks.checks import check_num_envs
from drifting_rocks.rules import SIDE, THRUSTS, Rules, State, advance, draws, observe, start

Step = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class DriftingRocksTensorEnv:
    """``num_envs`` games of Drifting Rocks whose state lives on a torch device.

    A game that ends restarts in the same step. Nothing in `step` waits for the device, so new
    games are drawn in each step for all, and those that have ended take theirs.

    Args:
        num_envs: the number of games.
        device: where the state, the actions, the observations and the rewards are.
        seed: seeds everything random; ``None`` for a seed that differs each time.
        parameters: those of `Rules`.
    """

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
        self.single_observation_shape = (self.rules.observation_size,)
        self.elapsed = torch.zeros(num_envs, dtype=torch.int32, device=self.device)
        self._table = torch.tensor(THRUSTS, dtype=torch.float32, device=self.device).T
        self._generator = torch.Generator(device)
        self._state: State | None = None
        self._seed(seed)

    def reset(self, seed: int | None = None) -> Tensor:
        """Start new games; a ``seed`` seeds everything random, ``None`` lets it run on.

        Returns:
            The observation, shape ``(num_envs, *single_observation_shape)``.
        """
        if seed is not None:
            self._seed(seed)
        return self.set_state(start(self.rules, self._uniform(draws(self.rules))))

    def step(self, actions: Tensor) -> Step:
        """Play one step in every game, with random places for the next beacons.

        Args:
            actions: on the device, ``(num_envs, 2)`` thrusts, or ``(num_envs,)`` numbers of
                `THRUSTS`. They are not checked: that would wait for the device.

        Returns:
            Observation, reward (float32), terminated, truncated, and the final observation: that
            before the restart where games ended, and otherwise the observation itself. In the
            memory of observations the games are the last axis.
        """
        return self.advance(actions, self._uniform(1)[:, 0] * SIDE - 1)

    def advance(self, actions: Tensor, beacons: Tensor) -> Step:
        """Play one step; the next beacons appear at ``beacons`` (2, num_envs)."""
        discrete = self.rules.actions == "discrete"
        thrust = self._table.index_select(1, actions) if discrete else actions.T
        state, reached, hit = advance(self.rules, self.state, thrust, beacons)
        elapsed = self.elapsed + 1
        truncated = (elapsed >= self.rules.steps) & ~hit
        over = hit | truncated
        final_obs = self._observe(state)
        fresh = start(self.rules, self._uniform(draws(self.rules)))
        pairs = zip(fresh, state, strict=True)
        self._state = State(*(torch.where(over, new, old) for new, old in pairs))
        self.elapsed = elapsed * ~over
        return self.observation, reached.float(), hit, truncated, final_obs

    @property
    def observation(self) -> Tensor:
        """The current observation, a fresh tensor."""
        return self._observe(self.state)

    @property
    def state(self) -> State:
        """The state of the games: float32 tensors, ``(2, num_envs)`` and ``(2, rocks, num_envs)``.

        They are not to be written to.
        """
        if self._state is None:
            raise ResetNeeded("the games have not started: call reset() first")
        return self._state

    def set_state(self, state: State, elapsed: Any = 0) -> Tensor:
        """Put the games into ``state``, after ``elapsed`` steps; returns the observation."""
        self._state = State(*(self._floats(part) for part in state))
        steps = torch.as_tensor(elapsed).to(self.device, torch.int32)
        self.elapsed = steps.expand(self.num_envs).clone()
        return self.observation

    def state_dict(self) -> dict[str, Any]:
        """The state, the generator included, as tensors and JSON-able values."""
        return {
            **state_dicts.write_state(self.rules, self.num_envs, self.state),
            "elapsed": self.elapsed,
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state_dict` was called; `observation` is what it was then.

        From a state of the vectorised form the games go on, but with other random numbers.

        Raises:
            ValueError: for the state of an environment with other parameters.
        """
        games = state_dicts.read_state(state, self.rules, self.num_envs)
        self.set_state(games, state["elapsed"])
        if "generator" in state:
            self._generator.set_state(state["generator"].cpu())

    def _seed(self, seed: int | None) -> None:
        if seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(seed)

    def _uniform(self, numbers: int) -> Tensor:
        shape = (2, numbers, self.num_envs)
        return torch.rand(shape, generator=self._generator, device=self.device)

    def _observe(self, state: State) -> Tensor:
        return torch.cat(observe(self.rules, state)).T

    def _floats(self, values: Any) -> Tensor:
        return torch.as_tensor(values).to(self.device, torch.float32, copy=True)
