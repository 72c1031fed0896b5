"""Occlusion: how much less probable a class becomes where a patch covers the picture.

Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2; the
patch has the mean colour of what the model learned from, where theirs is grey.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

PATCH = 5
"""The patch's side is this fraction of the picture's: 6 of 28 or 32 pixels, 2 of 8."""
MOST_PLACES = 15
"""Places of the patch along a side; closer together they tell little more, and cost more."""
BATCH = 500


def occlusion(
    classify: Callable[[Tensor], Tensor], picture: Tensor, label: int, ground: Sequence[float]
) -> Tensor:
    """The fall of the probability of `label`, (H, W) on the CPU; where it rises it is below 0.

    classify: (N, C, H, W) → probabilities (N, classes). picture: (C, H, W) uint8. ground: the
    patch's colour, a value a channel. A pixel's fall is the mean over the patches that cover it.
    """
    _, height, width = picture.shape
    tall, wide = max(1, round(height / PATCH)), max(1, round(width / PATCH))
    corners = [(top, left) for top in _places(height, tall) for left in _places(width, wide)]
    colour = torch.tensor(ground).round().to(picture)[:, None, None]
    before = classify(picture[None])[0, label].item()
    sums, covers = torch.zeros(height, width), torch.zeros(height, width)
    for first in range(0, len(corners), BATCH):
        part = corners[first : first + BATCH]
        covered = picture.repeat(len(part), 1, 1, 1)
        for each, (top, left) in zip(covered, part, strict=True):
            each[:, top : top + tall, left : left + wide] = colour
        falls = before - classify(covered)[:, label].float().cpu()
        for fall, (top, left) in zip(falls, part, strict=True):
            sums[top : top + tall, left : left + wide] += fall
            covers[top : top + tall, left : left + wide] += 1
    return sums / covers


def _places(length: int, patch: int) -> list[int]:
    """Where a patch begins along a side: evenly, no gap between two, the ends included."""
    last = length - patch
    step = min(patch, max(1, -(-last // (MOST_PLACES - 1))))
    return sorted({*range(0, last, step), last})
