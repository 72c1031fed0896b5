"""Samples of known distributions, which show at a glance whether a generator has learned them."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from rockfall import Dataset, Split
from rockfall.plugin import Seed

HELD_OUT = 5
"""The training split has so many times the examples of each other split."""

Count = Annotated[
    int,
    Field(
        ge=1,
        le=10_000_000,
        description="number of training points; the other splits have a fifth as many each",
    ),
]


def gaussian_1d(
    mean: Annotated[float, Field(description="mean of the Gaussian")] = 4.0,
    variance: Annotated[float, Field(gt=0, description="variance of the Gaussian")] = 0.5,
    count: Count = 10_000,
    seed: Seed = 0,
) -> Dataset:
    """Samples (N, 1) of one Gaussian, the simplest test of a generator."""
    generator = torch.Generator().manual_seed(seed)

    def sample(count: int) -> Split:
        points = mean + math.sqrt(variance) * torch.randn(count, 1, generator=generator)
        return Split(points, torch.full((count,), -1))

    splits = {name: sample(number) for name, number in _sizes(count, 1).items()}
    return Dataset("gaussian-1d", splits, kinds=("vectors",))


def ring(
    modes: Annotated[
        int, Field(ge=2, le=100, description="number of modes, that is Gaussians on the circle")
    ] = 8,
    radius: Annotated[float, Field(gt=0, description="radius of the circle")] = 2.0,
    std: Annotated[float, Field(gt=0, description="standard deviation of each Gaussian")] = 0.02,
    count: Count = 10_000,
    seed: Seed = 0,
) -> Dataset:
    """Samples (N, 2) of a mixture of Gaussians evenly spaced on a circle, labelled by the mode.

    Metz et al. 2017, "Unrolled Generative Adversarial Networks", section 3.1: a generator whose
    samples are all of one or two modes has collapsed. The first mode is at (radius, 0), and the
    others follow counter-clockwise; each has as many samples.
    """
    generator = torch.Generator().manual_seed(seed)
    angles = torch.arange(modes) * (2 * math.pi / modes)
    centres = radius * torch.stack((angles.cos(), angles.sin()), 1)

    def sample(count: int) -> Split:
        labels: Tensor = torch.arange(count) % modes
        return Split(centres[labels] + std * torch.randn(count, 2, generator=generator), labels)

    return Dataset(
        "ring",
        {name: sample(number) for name, number in _sizes(count, modes).items()},
        kinds=("vectors", "labelled-vectors"),
        classes=tuple(map(str, range(modes))),
    )


def _sizes(count: int, least: int) -> dict[str, int]:
    """Examples in each split, at least `least`."""
    held_out = max(least, count // HELD_OUT)
    return {"train": max(least, count), "validation": held_out, "test": held_out}
