"""`scores`: says how likely an example is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall import Dataset


@runtime_checkable
class Scores(Protocol):
    """Says how likely an example is."""

    def score(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → (N,), higher for likelier ones."""


def check(model: Scores, source: Dataset) -> None:
    """One finite number an input."""
    given = model.score(source.train.inputs[:5])
    assert given.shape == (5,), f"score gave shape {tuple(given.shape)}"
    assert torch.isfinite(given).all(), "scores must be finite"
