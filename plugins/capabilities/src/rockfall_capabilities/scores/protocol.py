"""What a model that scores has to offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Scores(Protocol):
    """Says how likely an example is."""

    def score(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → (N,), higher for likelier ones."""
