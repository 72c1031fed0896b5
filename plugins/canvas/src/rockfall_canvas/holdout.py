"""Pixels held out from training, to measure how well a model generalises to them."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

Pattern = Literal["random", "block"]


def holdout_mask(height: int, width: int, share: float, pattern: Pattern) -> Tensor:
    """(height · width,) bool, row-major: `share` of the pixels, at random or as one block.

    The block has the picture's aspect ratio and lies in its middle. The mask is the same for every
    seed of a run, so that runs can be compared. Raises ValueError if `share` is not 0 but the mask
    holds out no pixel, or all of them.
    """
    count = height * width
    if not share:
        return torch.zeros(count, dtype=torch.bool)
    mask = _random(count, share) if pattern == "random" else _block(height, width, share)
    number = int(mask.sum())
    if not 0 < number < count:
        what = "no pixel" if number == 0 else "all pixels"
        raise ValueError(f"holdout={share:g} of {width} × {height} pixels holds out {what}")
    return mask


def _random(count: int, share: float) -> Tensor:
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(count, dtype=torch.bool)
    mask[order[: round(count * share)]] = True
    return mask


def _block(height: int, width: int, share: float) -> Tensor:
    rows, columns = (round(side * math.sqrt(share)) for side in (height, width))
    top, left = (height - rows) // 2, (width - columns) // 2
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[top : top + rows, left : left + columns] = True
    return mask.flatten()
