"""What a model that encodes has to offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Encodes(Protocol):
    """Maps inputs to features."""

    def encode(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → features (N, D)."""
