"""Resizing and padding: the scales of coarse-to-fine optimisation, and pictures of any size.

Gatys et al. 2017, "Controlling Perceptual Factors in Neural Style Transfer", section 6: at half the
size a step costs a quarter, and the network's receptive fields cover twice as much of the picture.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from rockfall.kit.pictures import to_image

MIN_SIDE = 64
"""Pixels along the shorter side of the coarsest scale, at least."""


def scale_factors(height: int, width: int, count: int) -> list[float]:
    """At most `count` of …, ¼, ½, 1: 1, and those at which the picture is large enough."""
    halvings = [0.5**k for k in reversed(range(count))]
    return [factor for factor in halvings if factor == 1 or min(height, width) * factor >= MIN_SIDE]


def resize_by(pictures: Tensor, factor: float) -> Tensor:
    """(N, C, H, W) float with each side times `factor`, as `resize` does."""
    *_, height, width = pictures.shape
    return resize(pictures, max(1, round(height * factor)), max(1, round(width * factor)))


def resize(pictures: Tensor, height: int, width: int) -> Tensor:
    """(N, C, H, W) float → (N, C, height, width): bicubic, anti-aliased where it shrinks.

    Differentiable, and overshoots at edges.
    """
    if pictures.shape[2:] == (height, width):
        return pictures
    return interpolate(pictures, (height, width), mode="bicubic", antialias=True)


def resize_and_clip(pictures: Tensor, height: int, width: int) -> Tensor:
    """`resize`, clipped to 0 … 1."""
    return torch.clamp(resize(pictures, height, width), 0, 1)


def reflected(places: Tensor, side: int) -> Tensor:
    """Places, of which some are before 0 or after `side` − 1, as those within of which they are
    mirror images, however far outside: "reflect" padding, which repeats no edge.
    """
    period = max(1, 2 * (side - 1))
    within = places.remainder(period)
    return torch.minimum(within, period - within) if side > 1 else within


def resize_uint8(pixels: Tensor, height: int, width: int) -> Tensor:
    """(3, H, W) uint8 → (3, height, width) uint8 on the CPU, by Pillow's Lanczos filter; always a
    copy.
    """
    if pixels.shape[1:] == (height, width):
        return pixels.clone()
    image = to_image(pixels).resize((width, height), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def to_float(pixels: Tensor) -> Tensor:
    """(3, H, W) uint8 → (1, 3, H, W) float in 0 … 1."""
    return pixels[None].float() / 255
