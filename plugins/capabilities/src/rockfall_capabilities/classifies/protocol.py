"""What a model that classifies has to offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Classifies(Protocol):
    """Predicts the probabilities of classes."""

    def classify(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → probabilities (N, classes)."""
