"""What a model that encodes has to offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Encodes(Protocol):
    """Maps inputs to features. One whose features leave out the class, which it is given beside the
    inputs, has `withholds_class = True`, and its probe accuracy says so.
    """

    def encode(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → features (N, D)."""
