"""Points drawn from a known distribution, to see at a glance whether a generator has learned it."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.options import Seed

HELD_OUT = 5
"""Validation and test have one example each for so many training ones."""

Count = Annotated[int, Field(ge=1, le=10_000_000, description="training points")]


def gaussian_1d(
    mean: Annotated[float, Field(description="of the distribution")] = 4.0,
    variance: Annotated[float, Field(gt=0, description="of the distribution")] = 0.5,
    count: Count = 10_000,
    seed: Seed = 0,
) -> Dataset:
    """Numbers (N, 1) from one Gaussian: the first thing that a generator should manage."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(count: int) -> Split:
        points = mean + math.sqrt(variance) * torch.randn(count, 1, generator=generator)
        return Split(points, torch.full((count,), -1))

    splits = {name: drawn(number) for name, number in _sizes(count, 1).items()}
    return Dataset("gaussian-1d", splits, kinds=("vectors",))


def ring(
    modes: Annotated[int, Field(ge=2, le=100, description="Gaussians on the circle")] = 8,
    radius: Annotated[float, Field(gt=0, description="of the circle")] = 2.0,
    std: Annotated[float, Field(gt=0, description="standard deviation of each Gaussian")] = 0.02,
    count: Count = 10_000,
    seed: Seed = 0,
) -> Dataset:
    """Points (N, 2) from narrow Gaussians evenly on a circle, as many from each; labelled by which.

    Metz et al. 2017, "Unrolled Generative Adversarial Networks", section 3.1: a generator whose
    points are all in one or two of the Gaussians has collapsed. The first Gaussian is at
    (radius, 0), and the others follow counter-clockwise.
    """
    generator = torch.Generator().manual_seed(seed)
    angles = torch.arange(modes) * (2 * math.pi / modes)
    centres = radius * torch.stack((angles.cos(), angles.sin()), 1)

    def drawn(count: int) -> Split:
        labels: Tensor = torch.arange(count) % modes
        return Split(centres[labels] + std * torch.randn(count, 2, generator=generator), labels)

    return Dataset(
        "ring",
        {name: drawn(number) for name, number in _sizes(count, modes).items()},
        kinds=("vectors", "labelled-vectors"),
        classes=tuple(map(str, range(modes))),
    )


def _sizes(count: int, least: int) -> dict[str, int]:
    held = max(least, count // HELD_OUT)
    return {"train": max(least, count), "validation": held, "test": held}
