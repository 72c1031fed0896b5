"""What a model that explains has to offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Explains(Protocol):
    """Shows the activations and the first weights of its layers."""

    def layers(self, inputs: Tensor, /) -> dict[str, Tensor]:
        """Inputs (N, …) as the source gives them → name → activations (N, C', H', W') or (N, D).

        In order of depth.
        """

    def filters(self) -> Tensor:
        """The first layer's weights as pictures (F, C, H, W), C as the inputs have.

        Those of a fully-connected layer are in the inputs' shape: (F, D) for vectors.
        """
