"""Random crops of the two photographs that come with scikit-learn: nothing to download."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from PIL import Image
from pydantic import Field
from torch import Tensor

from rockfall import Dataset, Split
from rockfall.kit.pictures import to_image
from rockfall.plugin import Seed
from rockfall_datasets.photographs import china, flower

REGIONS = {"train": (0.0, 0.6), "validation": (0.6, 0.8), "test": (0.8, 1.0)}
"""Of the width of a photograph, the part of each split, so that splits do not overlap."""
HELD_OUT = 16
"""The training split has so many times the crops of each other split."""
LARGEST = 128
"""Width in pixels of the narrowest region."""
MAX_SCALE = 3.0
"""Crops are reduced by a random factor up to this, so that objects appear near and far."""


def photos(
    size: Annotated[
        int, Field(ge=1, le=LARGEST, description="height and width of a crop, in pixels")
    ] = 64,
    count: Annotated[
        int,
        Field(
            ge=1,
            le=4096,
            description="number of training crops; the other splits have a sixteenth as many each",
        ),
    ] = 256,
    seed: Seed = 0,
) -> Dataset:
    """Square crops (3, size, size) of a temple among trees and of a dahlia, without labels.

    Each is cropped at random, from `size` to three times `size` wide, log-uniformly, and reduced to
    `size`. The splits are cropped from regions of the photographs that do not overlap.
    """
    rng = np.random.default_rng(seed)
    photographs = (china(), flower())
    splits = {}
    for name, (start, end) in REGIONS.items():
        regions = [
            photograph[:, :, round(start * photograph.shape[2]) : round(end * photograph.shape[2])]
            for photograph in photographs
        ]
        number = count if name == "train" else max(1, count // HELD_OUT)
        crops = [
            _random_crop(regions[rng.integers(len(regions))], size, rng) for _ in range(number)
        ]
        splits[name] = Split(torch.stack(crops), torch.full((number,), -1))
    return Dataset("photos", splits, kinds=("pictures",))


def _random_crop(region: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    """A random square of (3, H, W), resized to (3, size, size)."""
    _, height, width = region.shape
    widest = min(height, width, MAX_SCALE * size)
    side = round(size * (widest / size) ** rng.random())
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    image = to_image(region[:, top : top + side, left : left + side])
    pixels = np.asarray(image.resize((size, size), Image.Resampling.LANCZOS))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)
