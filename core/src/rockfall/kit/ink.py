"""What is drawn on a picture of paper: its strokes, without the paper."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from rockfall.kit.pictures import on_white
from rockfall.kit.resizing import border, edges

MIN_CONTRAST = 64.0
"""By how much, of 255, ink must differ from its paper."""
MAX_DEVIATION = 16.0
"""Standard deviation, of 255, that the outermost pixels of a drawing may have: they are paper, and
not a scene.
"""


class Drawing(NamedTuple):
    """levels: (H, W) uint8, ink towards 255 on paper of 0. box: around it, as Pillow's `crop` takes
    it. dark: whether its ink was darker than its paper. notes: what was taken away, in words.
    """

    levels: np.ndarray
    box: tuple[int, int, int, int]
    dark: bool
    notes: tuple[str, ...] = ()


def find(image: Image.Image) -> Drawing | None:
    """What is drawn on an image, L, RGB or RGBA; None if it is no drawing."""
    grey = on_white(image).convert("L")
    if edges(grey).std() > MAX_DEVIATION:
        return None
    paper = float(border(grey).item())
    above = np.asarray(grey, np.int16) - paper
    box = Image.fromarray(np.abs(above) > MIN_CONTRAST).getbbox()
    if box is None:
        return None
    dark = paper > 127
    pixels = np.asarray(grey)
    return Drawing(255 - pixels if dark else pixels, box, dark)


def is_paper(image: Image.Image, *, dark: bool, all_round: bool = False) -> bool:
    """Whether most of an image's border is clearly that of dark paper, or else of light; or nearly
    all of it, since what is drawn may fill a picture.
    """
    levels = edges(on_white(image).convert("L"))
    towards = 255 - levels if dark else levels
    least = np.quantile(towards, 0.1 if all_round else 0.5)
    return bool(least > 127.5 + MIN_CONTRAST / 2)
