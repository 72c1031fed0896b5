"""What a model that decodes has to offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Decodes(Protocol):
    """Decodes latents, and draws them from their prior."""

    def sample_latents(self, count: int, /) -> Tensor:
        """(count, D) floats, drawn from torch's global generator: what samples are decoded from.

        The latents of a model that samples by class end with the class, one-hot.
        """

    def decode(self, latents: Tensor, /) -> Tensor:
        """(N, D) → (N, …) of the source's shape and type; always the same for the same latents."""
