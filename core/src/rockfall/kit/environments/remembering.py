"""The policy of a trained model, which may remember what it has seen of an episode."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall.kit.environments.batched import Policy
from rockfall.kit.modules import eval_mode


@runtime_checkable
class Remembers(Protocol):
    """A model whose actions depend on what it remembers, `act` aside, which knows of no past."""

    @property
    def memory_size(self) -> int:
        """Numbers that it remembers of an episode; 0 for one that was built without memory."""

    def act_next(
        self, observations: Tensor, memory: Tensor, *, deterministic: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Actions (N, …) for the next observations (N, …) of N episodes, and the memory then.

        memory: of the episodes until now, (N, `memory_size`); 0 where one begins.
        """


class ModelPolicy:
    """The final policy of a model that acts, for N episodes that all begin with the first call.

    It carries what the model remembers of them from one call to the next. Whoever steps them calls
    `episodes_ended` after each step.
    """

    def __init__(self, model: Any) -> None:
        """model: one with the capability `acts`."""
        self.model = model
        self.remembers = isinstance(model, Remembers) and model.memory_size > 0
        self.memory: Tensor | None = None

    def __call__(self, observations: Any) -> Any:
        """Actions (N, …) for the next observation of each episode, (N, …), or where the model is
        `Acting`, what Gymnasium's `step` takes for what its environments give, one or many.
        """
        with eval_mode(self.model):
            if not self.remembers:
                return self.model.act(observations)
            if not isinstance(observations, Tensor):
                return self.model.translated(self, observations)
            if self.memory is None:
                size = len(observations), self.model.memory_size
                self.memory = torch.zeros(size, device=observations.device)
            actions, self.memory = self.model.act_next(observations, self.memory)
            return actions

    def forget(self, ended: Tensor | bool) -> None:
        """Another episode begins in the environments whose last one has ended, (N,) bool."""
        if self.memory is not None:
            over = torch.as_tensor(ended, device=self.memory.device).reshape(-1, 1)
            self.memory = self.memory.masked_fill(over, 0)


def episodes_ended(policy: Policy, ended: Tensor) -> None:
    """Tell a policy in which environments the latest step ended an episode, (N,) bool."""
    if isinstance(policy, ModelPolicy):
        policy.forget(ended)
