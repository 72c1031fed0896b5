"""Pixels that move or vanish, and are otherwise what they were: flip, shift, cutout."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor


def flip(pictures: Tensor) -> Tensor:
    """Mirror each picture left to right, with probability one half."""
    mirrored = torch.rand(len(pictures), device=pictures.device) < 0.5
    return torch.where(mirrored.view(-1, 1, 1, 1), pictures.flip(3), pictures)


def alternating_flip(pictures: Tensor, epoch: int | Tensor) -> Tensor:
    """Mirror each picture left to right in every other epoch (Jordan 2024, arXiv 2404.00498).

    So each is seen both ways in any two epochs in a row, where `flip` would show every second one
    the same way twice. Whether it begins mirrored is a coin toss that its content decides: the
    parity of its sum. Takes uint8 only, whose sum is exact. epoch: a tensor in a captured step.
    """
    mirrored = (pictures.flatten(1).sum(1) + epoch) % 2 == 1
    return torch.where(mirrored.view(-1, 1, 1, 1), pictures.flip(3), pictures)


def shift(pictures: Tensor, pixels: int, border: Literal["reflect", "zero"] = "reflect") -> Tensor:
    """Move each picture by −pixels … pixels, down and across, all equally likely.

    border: what moves in. `reflect` mirrors the picture at its edge: of a photograph it goes on
        plausibly, and of a drawing on plain paper it is paper. `zero` is for pictures in which 0
        means nothing.
    """
    if pixels < 0:
        raise ValueError(f"pixels must be 0 or more, not {pixels}")
    height, width = pictures.shape[2:]
    rows = _moved(pictures, pixels, height)
    columns = _moved(pictures, pixels, width)
    mirrored = _reflected(rows, height)[:, :, None] * width + _reflected(columns, width)[:, None]
    moved = _gathered(pictures, mirrored.flatten(1))
    if border == "reflect":
        return moved
    inside = _within(rows, height)[:, :, None] & _within(columns, width)[:, None]
    return moved.masked_fill_(~inside[:, None], 0)


def cutout(pictures: Tensor, size: int) -> Tensor:
    """Set a square of `size` × `size` to 0 in each picture (DeVries and Taylor 2017).

    Its centre is any pixel, all equally likely, so that at the edges less is hidden: as the paper
    finds, some pictures must be seen nearly whole. 0 should be the mean, as it is of standardised
    pictures.
    """
    if size < 0:
        raise ValueError(f"size must be 0 or more, not {size}")
    rows, columns = (
        _within(places - torch.randint(side, (len(pictures), 1), device=places.device), size)
        for side in pictures.shape[2:]
        for places in [torch.arange(size // 2, size // 2 + side, device=pictures.device)]
    )
    hidden = rows[:, :, None] & columns[:, None]
    return pictures.clone().masked_fill_(hidden[:, None], 0)  # unlike masked_fill, as laid out


def _moved(pictures: Tensor, pixels: int, side: int) -> Tensor:
    """(N, side): from which place each comes, inside the picture or beyond."""
    by = torch.randint(-pixels, pixels + 1, (len(pictures), 1), device=pictures.device)
    return torch.arange(side, device=pictures.device) + by


def _reflected(places: Tensor, side: int) -> Tensor:
    """Places beyond an edge, mirrored at it, the edge itself not repeated."""
    period = max(1, 2 * (side - 1))
    places = places.abs() % period
    return torch.minimum(places, period - places)


def _within(places: Tensor, side: int) -> Tensor:
    return (places >= 0) & (places < side)


def _gathered(pictures: Tensor, source: Tensor) -> Tensor:
    """Pictures whose pixels, counted row by row, come from `source` (N, H · W)."""
    count, channels, height, width = pictures.shape
    if channels > 1 and pictures.is_contiguous(memory_format=torch.channels_last):
        pixels = pictures.permute(0, 2, 3, 1).reshape(-1, channels)  # a row each: copied whole
        first = torch.arange(count, device=pictures.device) * (height * width)
        found = pixels.index_select(0, (source + first[:, None]).flatten())
        return found.view(count, height, width, channels).permute(0, 3, 1, 2)
    pixels = pictures.reshape(count, channels, height * width)
    return pixels.gather(2, source[:, None].expand_as(pixels)).view_as(pictures)
