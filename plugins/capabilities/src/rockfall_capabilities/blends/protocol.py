"""What a model that blends has to offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Blends(Protocol):
    """Finds the latents of examples, and decodes latents."""

    spherical: bool
    """Whether latents lie about a sphere, as Gaussian noise of many dimensions does, so that
    weighted sums of them are brought back to its radius.
    """

    def latents(self, inputs: Tensor, labels: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them and labels (N,) int64 → latents (N, D).

        A label is −1 where it is unknown. The latents of a model that samples by class end with
        the class, one-hot, so that to blend two classes blends those too; such a model is given no
        −1. May draw from torch's global generator, for the start of a search, say. Gradients are
        off unless the model turns them on.
        """

    def decode(self, latents: Tensor, /) -> Tensor:
        """(N, D) → (N, …) of the source's shape and type; always the same for the same latents."""
