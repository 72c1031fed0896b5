"""From coarse to fine: a picture of half the size costs a quarter, and its strokes are as long.

Gatys et al. 2017, "Controlling Perceptual Factors in Neural Style Transfer", section 6.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

SMALLEST = 64
"""Pixels along the shorter side of a scale that is worth its while."""


def factors(height: int, width: int, count: int) -> list[float]:
    """At most `count` of …, ¼, ½, 1: those at which the picture is large enough, and 1 always."""
    halved = [0.5**k for k in reversed(range(count))]
    return [factor for factor in halved if factor == 1 or min(height, width) * factor >= SMALLEST]


def scaled(pictures: Tensor, factor: float) -> Tensor:
    """(N, C, H, W) float, each side times `factor`, smoothed where it shrinks."""
    *_, height, width = pictures.shape
    return resized(pictures, max(1, round(height * factor)), max(1, round(width * factor)))


def resized(pictures: Tensor, height: int, width: int) -> Tensor:
    """(N, C, H, W) float → (N, C, height, width), smoothed where it shrinks, bicubic."""
    if pictures.shape[2:] == (height, width):
        return pictures
    return interpolate(pictures, (height, width), mode="bicubic", antialias=True)


def drawn_up(pictures: Tensor, height: int, width: int) -> Tensor:
    """(N, C, H, W) float as the start of a finer scale."""
    return torch.clamp(resized(pictures, height, width), 0, 1)
