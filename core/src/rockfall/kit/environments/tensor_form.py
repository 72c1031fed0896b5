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
    parts of `Step`, `state_dict` and `load_state_dict`. It draws nothing.
    """

    def __init__(self, env: Any, device: torch.device) -> None:
        self.env = self.native = env
        self.device = device
        self.num_envs: int = env.num_envs

    def reset(self, seed: int | None = None) -> Tensor:
        first: Tensor = self.env.reset(seed)
        self.observation = first
        return first

    def step(self, actions: Tensor) -> Step:
        step = Step(*self.env.step(actions.to(self.device)))
        self.observation = step.observation
        return step

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
