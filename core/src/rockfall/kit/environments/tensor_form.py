"""An environment's own torch form, as a `BatchedEnvironment`."""

from __future__ import annotations

from typing import Any, NoReturn

import torch
from torch import Tensor

from rockfall.errors import UsageError
from rockfall.kit.environments.batched import Frame, Step


class TensorBatch:
    """Wraps what an environment spec's `tensor` makes.

    That has `num_envs`, `observation`, `reset(seed)` → observation, `step(actions)` → the five
    parts of `Step`, `state_dict` and `load_state_dict`. Its observations and actions are those of a
    batch, as `Spaces` says. It draws nothing.

    Many steps can be recorded as a CUDA graph if it also has `draw`, `play` and `go_on`, which
    split them into what the host decides and a function of tensors:
    - `draw(steps)` → a tuple of tensors: the state, and everything random of that many steps or,
      where episodes end sooner, of fewer. They end all at once, with the last step or not at all.
    - `play(*drawn)` → what has a length, the number of steps; `observation` and `step`, as the
      environment; `ended`, whether the latest step ended the episodes; and the state as `games`, a
      tuple of tensors. It changes nothing else, and only shapes decide what it does.
    - `go_on(steps, *games)` puts the environment there.
    """

    earned: Tensor | None = None

    def __init__(self, env: Any, device: torch.device) -> None:
        self.env = self.native = env
        self.device = device
        self.num_envs: int = env.num_envs
        self.ended_rows: Tensor | None = None
        self.recordable = all(hasattr(env, name) for name in ("draw", "play", "go_on"))

    def reset(self, seed: int | None = None) -> Tensor:
        first: Tensor = self.env.reset(seed)
        self.observation = first
        return first

    def step(self, actions: Tensor) -> Step:
        step = Step(*self.env.step(actions.to(self.device)))
        self.observation = step.observation
        return step

    def draw(self, steps: int) -> tuple[Tensor, ...]:
        """What `play` takes."""
        drawn: tuple[Tensor, ...] = self.env.draw(steps)
        return drawn

    def play(self, *drawn: Tensor) -> Played:
        """The next steps, as a function of these tensors alone."""
        return Played(self.env.play(*drawn), self.num_envs)

    def go_on(self, steps: int, *games: Tensor) -> None:
        """Continue from where `play` has come."""
        self.env.go_on(steps, *games)
        self.observation = self.env.observation

    def render(self) -> NoReturn:
        raise UsageError("a tensor form draws nothing: make the batch with a render mode")

    def ended(self) -> list[Frame | None]:
        return [None] * self.num_envs

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = self.env.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.env.load_state_dict(state)
        self.observation = self.env.observation

    def close(self) -> None:
        """Nothing to close."""


class Played:
    """Some steps of a `TensorBatch`, stepped as one is."""

    earned: Tensor | None = None

    def __init__(self, stretch: Any, num_envs: int) -> None:
        self.stretch = stretch
        self.num_envs = num_envs
        self.observation: Tensor = stretch.observation
        self.ended_rows: Tensor | None = None

    def __len__(self) -> int:
        return len(self.stretch)

    @property
    def games(self) -> tuple[Tensor, ...]:
        """The state, for `go_on`."""
        return tuple(self.stretch.games)

    def step(self, actions: Tensor) -> Step:
        step = Step(*self.stretch.step(actions))
        self.observation = step.observation
        ended = self.num_envs if self.stretch.ended else 0
        self.ended_rows = torch.arange(ended, device=self.observation.device)
        return step
