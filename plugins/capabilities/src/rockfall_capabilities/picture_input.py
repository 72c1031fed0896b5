"""Any picture as a model's input: of its size and channels, and light on dark if it learned so."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rockfall import SourceInfo
from rockfall.kit.pictures import to_image
from rockfall.kit.resizing import border, edges, framed

MIN_CONTRAST = 64.0
"""By how much, of 255, a negative's border must be nearer to the training mean than the picture's,
and ink must differ from its paper.
"""
MAX_DEVIATION = 16.0
"""Standard deviation, of 255, that the outermost pixels of a drawing may have: they are paper, and
not a scene.
"""


class Fitted(NamedTuple):
    """A model's input (C, H, W) uint8, and how it was made from a picture."""

    pixels: Tensor
    resized: bool
    inverted: bool
    cropped: bool

    def changes(self) -> list[str]:
        """How it was made, in words."""
        _, height, width = self.pixels.shape
        changes = {
            f"resized to {width} × {height}": self.resized,
            "cropped to the drawing": self.cropped,
            "inverted": self.inverted,
        }
        return [words for words, was in changes.items() if was]


def fit(picture: Tensor, info: SourceInfo) -> Fitted:
    """A picture (3, H, W) uint8 of any size as an input of the source that `info` describes.

    The whole picture is kept, and padded with the colour of its border to the input's aspect ratio.
    But a drawing on plain paper, for a model that learned from drawings, is scaled to their size:
    how much paper is left around it tells nothing. A picture that is dark on light, for a model
    that learned light on dark or the other way round, is inverted.
    """
    channels, height, width = info.shape
    image = to_image(picture)
    image = image.convert("L") if channels == 1 else image
    paper = border(image)
    mean = float(np.mean(info.statistics.get("mean", 127.5)))
    # Most pixels are background, so a set whose mean is dark is light on dark. Photographs lie in
    # the middle and are never turned.
    ground = float(paper.mean())
    inverted = abs(255 - ground - mean) + MIN_CONTRAST < abs(ground - mean)
    extent = info.statistics.get("extent")
    box = _drawing(image) if extent and image.size != (width, height) else None
    tall, wide = extent if extent and box else (1.0, 1.0)
    scaled = np.asarray(
        framed(image.crop(box) if box else image, (width, height), paper, (wide, tall))
    )
    pixels = torch.from_numpy(255 - scaled if inverted else scaled.copy())
    return Fitted(
        pixels.reshape(height, width, channels).permute(2, 0, 1).contiguous(),
        resized=image.size != (width, height),
        inverted=inverted,
        cropped=bool(box),
    )


def _drawing(image: Image.Image) -> tuple[int, int, int, int] | None:
    """The bounding box of a drawing on plain paper; None if the border is not plain."""
    if edges(image).std() > MAX_DEVIATION:
        return None
    drawn = np.abs(np.asarray(image, np.int16) - border(image)) > MIN_CONTRAST
    return Image.fromarray(drawn).getbbox()
