"""What a model that remembers has to offer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Remembers(Protocol):
    """Shows what its memory holds at each step, and how far back it reaches."""

    def holds(self, inputs: Tensor, /) -> Mapping[str, Tensor]:
        """Inputs (N, T, …) → name → (N, T, units): what it holds, and how far its gates are open.
        A name that ends in `gate` has values from 0 to 1.
        """

    def influence(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, T, …) → (N, T): the norm of the gradient of the last step's outputs by the
        input of each step, in whatever numbers the network receives it.
        """
