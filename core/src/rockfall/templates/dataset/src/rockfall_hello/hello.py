"""Two moons: points on two interleaving half circles, which no straight line can tell apart."""

import math
from typing import Annotated

import torch
from pydantic import Field

from rockfall import Dataset, Split
from rockfall.plugin import Seed

Noise = Annotated[float, Field(ge=0, description="standard deviation of the noise")]
Count = Annotated[
    int,
    Field(ge=2, description="number of training points; the other splits have a fifth as many"),
]


def two_moons(noise: Noise = 0.1, count: Count = 1000, seed: Seed = 0) -> Dataset:
    """Points (N, 2), labelled 0 on the upper moon and 1 on the lower one, half of them each."""
    generator = torch.Generator().manual_seed(seed)

    def sample(count: int) -> Split:
        labels = torch.arange(count) % 2
        angles = math.pi * torch.rand(count, generator=generator)
        upper = torch.stack((angles.cos(), angles.sin()), 1)
        lower = torch.tensor([1.0, 0.5]) - upper
        points = torch.where(labels[:, None] == 0, upper, lower)
        return Split(points + noise * torch.randn(count, 2, generator=generator), labels)

    sizes = {"train": count, "validation": max(2, count // 5), "test": max(2, count // 5)}
    return Dataset(
        "hello",
        {name: sample(size) for name, size in sizes.items()},
        kinds=("vectors", "labelled-vectors"),
        classes=("upper", "lower"),
    )
