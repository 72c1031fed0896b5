"""What a model that predicts has to offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Predicts(Protocol):
    """Predicts each step's target from the steps up to it."""

    def predict(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, T, …) as the source gives them → (N, T, K): of each step, the probabilities of
        the classes, or the predicted numbers; from that step and those before alone.
        """
