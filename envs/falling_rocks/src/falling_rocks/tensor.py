"""The tensor form: many games at once in torch, on any device."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import torch
from gymnasium.error import ResetNeeded
from torch import Tensor

from falling_rocks import state_dicts
from falling_rocks.checks import check_num_envs
from falling_rocks.rules import NUM_ACTIONS, Rules, State, start
from falling_rocks.spawns import BULK as CPU_SPAWNS
from falling_rocks.spawns import SpawnStream, columns, slots
from falling_rocks.stretch import Games, Step, Stretch, begin, make_tables, read

GPU_SPAWNS = 2**22
"""Spawns sampled at once on a GPU."""
CPU_SCREENS, GPU_SCREENS = 2**18, 2**28
"""Bytes of observations whose rocks are drawn at once, at least those of one step."""


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
        self._tables = make_tables(self.rules, self.device)
        self._generator = torch.Generator(device)
        # On a GPU a call costs more than what it samples or draws, and there is no small cache.
        on_cpu = self.device.type == "cpu"
        self._spawns = SpawnStream(
            num_envs, self._sample_spawns, CPU_SPAWNS if on_cpu else GPU_SPAWNS
        )
        cell_bytes = np.dtype(self.rules.dtype).itemsize
        screens_bytes = num_envs * prod(self.single_observation_shape) * cell_bytes
        self._steps_ahead = max(1, (CPU_SCREENS if on_cpu else GPU_SCREENS) // screens_bytes)
        self._stretch: Stretch | None = None
        self._seed(seed)

    def reset(self, seed: int | None = None) -> Tensor:
        """Start new games; a ``seed`` seeds everything random, ``None`` lets it run on.

        Returns:
            The observation, shape ``(num_envs, *single_observation_shape)``.
        """
        if seed is not None:
            self._seed(seed)
        return self.set_state(start(self.rules, *self._sample_restart()))

    def step(self, actions: Tensor) -> Step:
        """Play one step in every game, with random spawns.

        Args:
            actions: integers from 0 to 2 of shape ``(num_envs,)``, on the device. They are not
                checked: that would wait for the device.

        Returns:
            Observation, reward (float32), terminated, truncated, and the final observation: that
            before the restart where games ended, and otherwise the observation itself. Observation
            and reward are views into the same memory, the games of which lie apart; terminated and
            truncated are the same tensors in many steps. None of them is to be written to.
        """
        stretch = self._current
        if not stretch.remaining:
            steps = min(self._steps_ahead, self._steps_left)
            stretch = self._play(stretch.games, torch.stack(self._spawns.ahead(steps)))
        self._spawns.next()
        return self._step(stretch, actions)

    def advance(self, actions: Tensor, spawns: Tensor) -> Step:
        """Play one step with the given spawns, columns or -1, of shape ``(num_envs,)``."""
        return self._step(self._play(self._current.games, spawns[None]), actions)

    def _step(self, stretch: Stretch, actions: Tensor) -> Step:
        self.elapsed += 1
        done = self.elapsed >= self.rules.steps
        if done:
            stretch.restart = self._sample_restart()
            self.elapsed = 0
        self._stretch = stretch
        return stretch.step(actions)

    # Many steps as a function of tensors alone, which can be recorded as a CUDA graph.

    def draw(self, steps: int) -> tuple[Tensor, ...]:
        """All that the next steps depend on beside the actions, for `play`: `Games`, spawns of
        shape ``(n, num_envs)``, and of shape ``(1 or 0, 2, num_envs)`` how they restart.

        ``n`` is ``steps``, or fewer, where the games end. Must be followed by `go_on`.
        """
        steps = min(steps, self._steps_left)
        spawns = torch.stack([self._spawns.next() for _ in range(steps)])
        ends = steps == self._steps_left
        restart = self._sample_restart()[None] if ends else spawns.new_empty((0, 2, self.num_envs))
        return (*self._current.games, spawns, restart)

    def play(
        self, observation: Tensor, tape: Tensor, bowl: Tensor, spawns: Tensor, restart: Tensor
    ) -> Stretch:
        """The next steps of what `draw` gave. What is played changes nothing of the environment."""
        games = Games(observation, tape, bowl)
        return self._play(games, spawns, restart[0] if len(restart) else None)

    def go_on(self, steps: int, observation: Tensor, tape: Tensor, bowl: Tensor) -> None:
        """Continue from where ``steps`` steps of `play` came, their `Stretch.games`."""
        self.elapsed = 0 if steps == self._steps_left else self.elapsed + steps
        self._rest(Games(observation, tape, bowl))

    @property
    def observation(self) -> Tensor:
        """The current observation, a fresh tensor."""
        return self._current.observation.clone()

    @property
    def state(self) -> State:
        """The state of the games, int16 tensors of shape ``(num_envs,)``."""
        return read(self.rules, self._current.games)

    def set_state(self, state: State, elapsed: int = 0) -> Tensor:
        """Put the games into ``state``, after ``elapsed`` steps; returns the observation."""
        rocks = tuple(self._integers(rock) for rock in state.rocks)
        games = begin(self.rules, self._tables, State(rocks, self._integers(state.bowl)))
        self.elapsed = elapsed
        self._rest(games)
        return games.observation

    def state_dict(self) -> dict[str, Any]:
        """The state, the generator included, as tensors and JSON-able values."""
        pending = self._spawns.pending
        state = self.state
        no_spawns = state.bowl.new_empty((0, self.num_envs))
        return {
            **state_dicts.header(self.rules, self.num_envs),
            "rocks": torch.stack(state.rocks),
            "bowl": state.bowl,
            "elapsed": self.elapsed,
            "generator": self._generator.get_state(),
            "spawns": torch.stack(pending) if pending else no_spawns,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state_dict` was called; `observation` is what it was then.

        From a state of the vectorised form the games go on, but with other random numbers.

        Raises:
            ValueError: for the state of an environment with other parameters, and for games that
                have not all lasted as long.
        """
        elapsed = np.unique(np.asarray(state["elapsed"]))
        if len(elapsed) > 1:
            raise ValueError("the tensor form plays in lock-step, and these games do not")
        games = state_dicts.read_state(state, self.rules, self.num_envs)
        self.set_state(games, int(elapsed[0]))
        if "generator" in state:
            self._generator.set_state(state["generator"].cpu())
        self._spawns.pending = self._integers(state["spawns"]).unbind()

    def _seed(self, seed: int | None) -> None:
        if seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(seed)
        self._spawns.pending = []

    @property
    def _current(self) -> Stretch:
        if self._stretch is None:
            raise ResetNeeded("the games have not started: call reset() first")
        return self._stretch

    @property
    def _steps_left(self) -> int:
        return max(1, self.rules.steps - self.elapsed)

    def _play(self, games: Games, spawns: Tensor, restart: Tensor | None = None) -> Stretch:
        return Stretch(self.rules, self._tables, games, spawns, restart)

    def _rest(self, games: Games) -> None:
        """Be in a state of which the next steps are still to be drawn."""
        self._stretch = self._play(games, games.tape[:0])

    def _sample_restart(self) -> Tensor:
        return torch.randint(
            self.rules.size,
            (2, self.num_envs),
            generator=self._generator,
            dtype=torch.int16,
            device=self.device,
        )

    def _sample_spawns(self, steps: int) -> Tensor:
        uniform = torch.rand((steps, self.num_envs), generator=self._generator, device=self.device)
        spawns: Tensor = columns(self.rules, slots(self.rules, uniform).to(torch.int16))
        return spawns

    def _integers(self, values: Any) -> Tensor:
        return torch.as_tensor(values).to(self.device, torch.int16, copy=True)
