"""What a model that acts has to offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Acts(Protocol):
    """Chooses actions in an environment."""

    def act(self, observations: Tensor, /) -> Tensor:
        """The final policy: observations (N, …) as the environment gives them → actions (N,)."""
