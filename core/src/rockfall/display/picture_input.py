"""Any picture as a model wants it: its size, its colours, and light on dark if it learned so."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rockfall.pictures import to_image
from rockfall.sources import SourceInfo

CLEARLY = 64.0
"""By how much, of 255, a negative's border must come nearer to what the model knows."""


FLAT = 16.0
"""How much, of 255, the outermost pixels of a drawing may differ: paper, not a scene."""


class Fitted(NamedTuple):
    """A picture (C, H, W) uint8 that a model takes, and what was done to it."""

    pixels: Tensor
    inverted: bool
    cropped: bool


def fit(picture: Tensor, info: SourceInfo) -> Fitted:
    """(3, H, W) uint8 of any size, as `info` describes a model's inputs.

    The whole picture is kept, and what its shape lacks is filled with the colour of its border. But
    a drawing on plain paper, for a model that learned from drawings, is brought to their size:
    how much paper is left around it tells nothing.
    """
    channels, height, width = info.shape
    image = to_image(picture)
    image = image.convert("L") if channels == 1 else image
    border = _border(image)
    mean = float(np.mean(info.statistics.get("mean", 127.5)))
    # Most pixels are background, so a set whose mean is dark is light on dark. Photographs lie in
    # the middle and are never turned.
    ground = float(border.mean())
    inverted = abs(255 - ground - mean) + CLEARLY < abs(ground - mean)
    extent = info.statistics.get("extent")
    box = _drawing(image) if extent and image.size != (width, height) else None
    tall, wide = extent if extent and box else (1.0, 1.0)
    scaled = np.asarray(
        _scaled(image.crop(box) if box else image, border, (width, height), (wide, tall))
    )
    pixels = torch.from_numpy(255 - scaled if inverted else scaled.copy())
    return Fitted(
        pixels.reshape(height, width, channels).permute(2, 0, 1).contiguous(), inverted, bool(box)
    )


def _edges(image: Image.Image) -> np.ndarray:
    """The outermost pixels, (N, channels)."""
    pixels = np.asarray(image).reshape(image.height, image.width, -1)
    return np.concatenate((pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]))


def _border(image: Image.Image) -> np.ndarray:
    """The median of the outermost pixels, a channel each."""
    return np.asarray(np.median(_edges(image), axis=0))


def _drawing(image: Image.Image) -> tuple[int, int, int, int] | None:
    """The box of what is drawn on plain paper, in grey; None if there is no such paper."""
    if _edges(image).std() > FLAT:
        return None
    drawn = np.abs(np.asarray(image, np.int16) - _border(image)) > CLEARLY
    return Image.fromarray(drawn).getbbox()


def _scaled(
    image: Image.Image,
    border: np.ndarray,
    size: tuple[int, int],
    share: tuple[float, float],
) -> Image.Image:
    """The image in the middle of a page of `size`, within these shares of width and height."""
    width, height = size
    factor = min(share[0] * width / image.width, share[1] * height / image.height)
    inner = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    # The mean of the pixels that fall together adds no rings; a few pixels are drawn out softly.
    how = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
    colour = tuple(int(level) for level in border)
    page = Image.new(image.mode, (width, height), colour if len(colour) > 1 else colour[0])
    page.paste(image.resize(inner, how), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return page
