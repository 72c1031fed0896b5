"""Any picture as a model wants it: its size, its colours, and light on dark if it learned so."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rockfall import SourceInfo
from rockfall.kit.pictures import to_image
from rockfall.kit.resizing import border, edges, framed

CLEARLY = 64.0
"""By how much, of 255, a negative's border must come nearer to what the model knows."""


FLAT = 16.0
"""How much, of 255, the outermost pixels of a drawing may differ: paper, not a scene."""


class Fitted(NamedTuple):
    """A picture (C, H, W) uint8 that a model takes, and what was done to it."""

    pixels: Tensor
    resized: bool
    inverted: bool
    cropped: bool

    def changes(self) -> list[str]:
        """What was done to it, in words."""
        _, height, width = self.pixels.shape
        done = {
            f"made {width} × {height}": self.resized,
            "cropped to what is drawn": self.cropped,
            "as a negative": self.inverted,
        }
        return [words for words, was in done.items() if was]


def fit(picture: Tensor, info: SourceInfo) -> Fitted:
    """(3, H, W) uint8 of any size, as `info` describes a model's inputs.

    The whole picture is kept, and what its shape lacks is filled with the colour of its border. But
    a drawing on plain paper, for a model that learned from drawings, is brought to their size:
    how much paper is left around it tells nothing.
    """
    channels, height, width = info.shape
    image = to_image(picture)
    image = image.convert("L") if channels == 1 else image
    paper = border(image)
    mean = float(np.mean(info.statistics.get("mean", 127.5)))
    # Most pixels are background, so a set whose mean is dark is light on dark. Photographs lie in
    # the middle and are never turned.
    ground = float(paper.mean())
    inverted = abs(255 - ground - mean) + CLEARLY < abs(ground - mean)
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
    """The box of what is drawn on plain paper, in grey; None if there is no such paper."""
    if edges(image).std() > FLAT:
        return None
    drawn = np.abs(np.asarray(image, np.int16) - border(image)) > CLEARLY
    return Image.fromarray(drawn).getbbox()
