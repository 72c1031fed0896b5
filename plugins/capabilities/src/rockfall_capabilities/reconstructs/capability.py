"""`reconstructs`: makes an input again from what it kept of it. Its figure is the squared error on
the test split beside that of the mean example, which keeps nothing.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from PIL import Image
from torch import Tensor

from rockfall import Dataset, Measurements, Split, measurement
from rockfall.kit.drawing import are_pictures, in_pairs, sheet

BATCH = 1000
DRAWN = 36


@runtime_checkable
class Reconstructs(Protocol):
    """Makes an input again."""

    def reconstruct(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → the same shape and type."""


def evaluate(
    model: Reconstructs, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """Mean squared error a number on the test split, of the model and of the training mean."""
    mean, info = mean_example(source.train), source.info
    parts = torch.split(source.test.evenly_spaced(limit).inputs, BATCH)
    mine = torch.cat([squared_errors(part, model.reconstruct(part)) for part in parts])
    theirs = torch.cat([squared_errors(part, mean) for part in parts])
    name = "mean picture" if are_pictures(info.shape, info.dtype) else "mean example"
    return {"reconstruction error": measurement(mine, {name: theirs})}


def check(model: Reconstructs, source: Dataset) -> None:
    """What comes back has the shape and the type of what went in."""
    inputs = source.train.inputs[:5]
    given = model.reconstruct(inputs)
    assert given.shape == inputs.shape, f"reconstruct gave {tuple(given.shape)}"
    assert given.dtype == inputs.dtype, f"reconstruct gave {given.dtype}, not {inputs.dtype}"


def pictures(model: Reconstructs, source: Dataset) -> dict[str, Image.Image]:
    """Of pictures `reconstructions`: some of the test split, and what the model makes of them."""
    if not are_pictures(source.info.shape, source.info.dtype):
        return {}
    given = source.test.evenly_spaced(DRAWN).inputs
    return {"reconstructions": sheet(in_pairs(given, model.reconstruct(given)))}


def squared_errors(given: Tensor, made: Tensor) -> Tensor:
    """Mean squared difference a number, (N,), of examples (N, …) to others, or to one (…).

    Bytes count from 0 to 1.
    """
    most = 255 if given.dtype == torch.uint8 else 1
    return ((given.float() - made.float()) / most).square().flatten(1).mean(1)


def mean_example(split: Split) -> Tensor:
    """What the examples are on average, (…) float."""
    sums = [part.sum(0, dtype=torch.float64) for part in torch.split(split.inputs, BATCH)]
    return (torch.stack(sums).sum(0) / len(split)).float()
