"""Occlusion: how much less probable a class becomes where a patch covers the picture.

Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2; the
patch has the mean colour of the training split, where theirs is grey.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["occlusion"]

PATCH = 5
"""The picture's side is so many times the patch's: 6 of 28 or 32 pixels, 2 of 8."""
MAX_POSITIONS = 15
"""Positions of the patch along a side; closer together they tell little more, and cost more."""
BATCH = 500


def occlusion(
    classify: Callable[[Tensor], Tensor], picture: Tensor, label: int, ground: Sequence[float]
) -> Tensor:
    """The drop in the probability of `label`, (H, W) on the CPU; below 0 where it rises.

    classify: (N, C, H, W) → probabilities (N, classes). picture: (C, H, W) uint8. ground: the
    patch's colour, a value a channel. A pixel's drop is the mean over the patches that cover it.
    """
    _, height, width = picture.shape
    tall, wide = max(1, round(height / PATCH)), max(1, round(width / PATCH))
    corners = [(top, left) for top in _positions(height, tall) for left in _positions(width, wide)]
    colour = torch.tensor(ground).round().to(picture)[:, None, None]
    before = classify(picture[None])[0, label].item()
    sums, covers = torch.zeros(height, width), torch.zeros(height, width)
    for first in range(0, len(corners), BATCH):
        part = corners[first : first + BATCH]
        covered = picture.repeat(len(part), 1, 1, 1)
        for each, (top, left) in zip(covered, part, strict=True):
            each[:, top : top + tall, left : left + wide] = colour
        drops = before - classify(covered)[:, label].float().cpu()
        for drop, (top, left) in zip(drops, part, strict=True):
            sums[top : top + tall, left : left + wide] += drop
            covers[top : top + tall, left : left + wide] += 1
    return sums / covers


def _positions(length: int, patch: int) -> list[int]:
    """Where a patch begins along a side: evenly spaced, without gaps, the ends included."""
    last = length - patch
    step = min(patch, max(1, -(-last // (MAX_POSITIONS - 1))))
    return sorted({*range(0, last, step), last})
