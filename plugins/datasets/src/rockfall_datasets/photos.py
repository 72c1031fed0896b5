"""Pieces of the two photographs that come with scikit-learn: colour pictures, embedded."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from PIL import Image
from pydantic import Field
from torch import Tensor

from rockfall.kit.pictures import to_image
from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.options import Seed
from rockfall_datasets.photographs import china, flower

REGIONS = {"train": (0.0, 0.6), "validation": (0.6, 0.8), "test": (0.8, 1.0)}
"""From where to where across a photograph each split's pieces are cut, so that none overlap."""
HELD_OUT = 16
"""Times fewer pieces in each of the other splits."""
LARGEST = 128
"""Pixels across the narrowest region."""
WIDER = 3.0
"""Times larger than they are shown the largest pieces are cut, for near and far to be learned."""


def photos(
    size: Annotated[int, Field(ge=1, le=LARGEST, description="height and width")] = 64,
    count: Annotated[
        int, Field(ge=1, le=4096, description="training pieces; a sixteenth for each other split")
    ] = 256,
    seed: Seed = 0,
) -> Dataset:
    """Square pieces (3, size, size) of a temple among trees and of a dahlia, not labelled.

    Each is cut at random, from `size` to three times that across, and brought to `size`. The splits
    are cut from parts of the photographs that do not overlap.
    """
    draw = np.random.default_rng(seed)
    photographs = (china(), flower())
    splits = {}
    for name, (start, end) in REGIONS.items():
        parts = [
            photograph[:, :, round(start * photograph.shape[2]) : round(end * photograph.shape[2])]
            for photograph in photographs
        ]
        wanted = count if name == "train" else max(1, count // HELD_OUT)
        pieces = [_piece(parts[draw.integers(len(parts))], size, draw) for _ in range(wanted)]
        splits[name] = Split(torch.stack(pieces), torch.full((wanted,), -1))
    return Dataset("photos", splits, kinds=("pictures",))


def _piece(part: Tensor, size: int, draw: np.random.Generator) -> Tensor:
    """A random square of (3, H, W), as (3, size, size)."""
    _, height, width = part.shape
    most = min(height, width, WIDER * size)
    side = round(size * (most / size) ** draw.random())
    top, left = draw.integers(height - side + 1), draw.integers(width - side + 1)
    image = to_image(part[:, top : top + side, left : left + side])
    pixels = np.asarray(image.resize((size, size), Image.Resampling.LANCZOS))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)
