"""Pictures seen otherwise: turned, from nearer or farther, in part.

What lies beyond an edge is the picture mirrored there, the edge itself not repeated. Values between
pixels are interpolated bilinearly.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def rotate(pictures: Tensor, degrees: float) -> Tensor:
    """Turn each picture about its middle by −degrees … degrees, all angles equally likely.

    Raises ValueError for a negative number.
    """
    if degrees < 0:
        raise ValueError(f"degrees must be 0 or more, not {degrees}")
    angles = _uniform(pictures, -math.radians(degrees), math.radians(degrees))
    cosine, sine = angles.cos(), angles.sin()
    nothing = torch.zeros_like(angles)
    return _seen(pictures, (cosine, -sine, nothing), (sine, cosine, nothing))


def zoom(pictures: Tensor, share: float) -> Tensor:
    """Enlarge or reduce each picture about its middle, by a factor from 1 / (1 + share) to
    1 + share, whose logarithm is uniformly distributed.

    Raises ValueError for a negative share.
    """
    if share < 0:
        raise ValueError(f"share must be 0 or more, not {share}")
    step = _uniform(pictures, -math.log1p(share), math.log1p(share)).exp()
    nothing = torch.zeros_like(step)
    return _seen(pictures, (step, nothing, nothing), (nothing, step, nothing))


def crop(pictures: Tensor, least: float) -> Tensor:
    """Cut a window out of each picture, anywhere, and enlarge it to the picture's size.

    Its height and width are the same share of the picture's, from `least` to 1. After the crops of
    varied size of Szegedy et al. 2015, "Going Deeper with Convolutions", section 6, which vary the
    aspect ratio too. Raises ValueError for a share that is not above 0 and at most 1.
    """
    if not 0 < least <= 1:
        raise ValueError(f"least must be above 0 and at most 1, not {least}")
    share = _uniform(pictures, least, 1.0)
    nothing = torch.zeros_like(share)
    height, width = pictures.shape[2:]
    right, down = (
        (1 - share) * (side - 1) / 2 * _uniform(pictures, -1.0, 1.0) for side in (width, height)
    )
    return _seen(pictures, (share, nothing, right), (nothing, share, down))


Row = tuple[Tensor, Tensor, Tensor]


def _seen(pictures: Tensor, x: Row, y: Row) -> Tensor:
    """Pictures whose pixel (i, j), counted from the middle, right and down, comes from
    (x₀ i + x₁ j + x₂, y₀ i + y₁ j + y₂), each of these (N,).
    """
    height, width = pictures.shape[2:]
    exact = pictures.dtype if pictures.dtype == torch.float64 else torch.float32
    down, right = (
        torch.arange(side, device=pictures.device, dtype=exact) - (side - 1) / 2
        for side in (height, width)
    )
    places = [
        (row[0][:, None, None] * right + row[1][:, None, None] * down[:, None])
        + row[2][:, None, None]
        for row in (x, y)
    ]
    # `grid_sample` counts from −1 to 1, the outermost pixels; a side of one pixel has no more.
    scaled = [
        2 * place / max(1, side - 1) for place, side in zip(places, (width, height), strict=True)
    ]
    seen = F.grid_sample(
        pictures.to(exact),
        torch.stack(scaled, -1),
        mode="bilinear",
        padding_mode="reflection",
        align_corners=True,
    )
    if not pictures.is_floating_point():
        seen = seen.round()
    return seen.to(pictures.dtype, memory_format=_layout(pictures))


def _uniform(pictures: Tensor, low: float, high: float) -> Tensor:
    """(N,), a number a picture."""
    exact = pictures.dtype if pictures.dtype == torch.float64 else torch.float32
    drawn = torch.rand(len(pictures), device=pictures.device).to(exact)
    return low + (high - low) * drawn


def _layout(pictures: Tensor) -> torch.memory_format:
    if pictures.is_contiguous(memory_format=torch.channels_last):
        return torch.channels_last
    return torch.contiguous_format
