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


class Fitted(NamedTuple):
    """A picture (C, H, W) uint8 that a model takes, and whether it is the negative."""

    pixels: Tensor
    inverted: bool


def fit(picture: Tensor, info: SourceInfo) -> Fitted:
    """(3, H, W) uint8 of any size, as `info` describes a model's inputs.

    The whole picture is kept: what its shape lacks is filled with the colour of its border.
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
    scaled = np.asarray(_scaled(image, border, width, height))
    pixels = torch.from_numpy(255 - scaled if inverted else scaled.copy())
    return Fitted(pixels.reshape(height, width, channels).permute(2, 0, 1).contiguous(), inverted)


def _border(image: Image.Image) -> np.ndarray:
    """The median of the outermost pixels, a channel each."""
    pixels = np.asarray(image).reshape(image.height, image.width, -1)
    edges = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    return np.asarray(np.median(np.concatenate(edges), axis=0))


def _scaled(image: Image.Image, border: np.ndarray, width: int, height: int) -> Image.Image:
    factor = min(width / image.width, height / image.height)
    inner = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    # The mean of the pixels that fall together adds no rings; a few pixels are drawn out softly.
    how = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
    colour = tuple(int(level) for level in border)
    page = Image.new(image.mode, (width, height), colour if len(colour) > 1 else colour[0])
    page.paste(image.resize(inner, how), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return page
