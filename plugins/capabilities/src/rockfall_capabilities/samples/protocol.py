"""What a model that samples has to offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Samples(Protocol):
    """Draws new examples."""

    def sample(self, count: int, /) -> Tensor:
        """(count, …) of the source's shape and type, drawn from torch's global generator."""
