"""What a model that paints has to offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Paints(Protocol):
    """Renders one picture at any size."""

    def paint(self, height: int, width: int, /) -> Tensor:
        """(3, height, width) uint8; always the same at the same size."""
