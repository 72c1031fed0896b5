"""What a model that reconstructs has to offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Reconstructs(Protocol):
    """Encodes an input and decodes it again."""

    def reconstruct(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → the same shape and type."""
