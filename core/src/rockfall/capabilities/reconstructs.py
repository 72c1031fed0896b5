"""`reconstructs`: makes an input again from what it kept of it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from rockfall.sources.dataset import Dataset


@runtime_checkable
class Reconstructs(Protocol):
    """Makes an input again."""

    def reconstruct(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → the same shape and type."""


def check(model: Reconstructs, source: Dataset) -> None:
    """What comes back has the shape and the type of what went in."""
    inputs = source.train.inputs[:5]
    given = model.reconstruct(inputs)
    assert given.shape == inputs.shape, f"reconstruct gave {tuple(given.shape)}"
    assert given.dtype == inputs.dtype, f"reconstruct gave {given.dtype}, not {inputs.dtype}"
