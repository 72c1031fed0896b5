"""Pixels that are kept from the painter, to see how well it fills the gaps."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

Shape = Literal["random", "block"]


def held_out(height: int, width: int, share: float, shape: Shape) -> Tensor:
    """(height · width,) bool, row by row: `share` of the pixels, at random or a block of them.

    The block has the picture's proportions and lies in its middle. They are the same for every
    seed of a run, so that runs can be compared. Raises ValueError if `share` is not 0, but
    holds out no pixel, or all of them.
    """
    count = height * width
    if not share:
        return torch.zeros(count, dtype=torch.bool)
    held = _at_random(count, share) if shape == "random" else _block(height, width, share)
    number = int(held.sum())
    if not 0 < number < count:
        what = "no pixel" if number == 0 else "all pixels"
        raise ValueError(f"holdout={share:g} of {width} × {height} pixels holds out {what}")
    return held


def _at_random(count: int, share: float) -> Tensor:
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    held = torch.zeros(count, dtype=torch.bool)
    held[order[: round(count * share)]] = True
    return held


def _block(height: int, width: int, share: float) -> Tensor:
    rows, columns = (round(side * math.sqrt(share)) for side in (height, width))
    top, left = (height - rows) // 2, (width - columns) // 2
    held = torch.zeros(height, width, dtype=torch.bool)
    held[top : top + rows, left : left + columns] = True
    return held.flatten()
