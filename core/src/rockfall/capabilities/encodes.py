"""`encodes`: turns inputs into features."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall.sources.dataset import Dataset


@runtime_checkable
class Encodes(Protocol):
    """Turns inputs into features."""

    def encode(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → features (N, D)."""


def check(model: Encodes, source: Dataset) -> None:
    """One finite feature vector an input, the same for the same input."""
    inputs = source.train.inputs[:5]
    given = model.encode(inputs)
    assert given.ndim == 2 and len(given) == 5, f"encode gave shape {tuple(given.shape)}"
    assert torch.isfinite(given).all(), "features must be finite"
    assert torch.equal(given, model.encode(inputs)), "encode must be deterministic"
