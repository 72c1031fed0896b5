"""Games as the frames of a film: pictures side by side, each under its score."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from rockfall.errors import RockfallError
from rockfall.kit.drawing.lettering import font
from rockfall.kit.environments.batched import Frame
from rockfall_capabilities.acts.games import Moment

WIDEST = 768
"""Pixels across the whole; more makes files that no page wants."""
SMALLEST, LARGEST = 160, 512
"""Pixels that the longer side of one game may have."""
GAP, BAR = 8, 24
PAPER, INK, FAINT = (18, 18, 24), (240, 240, 240), (150, 150, 165)


def sheet(moment: Moment) -> np.ndarray:
    """A moment as a picture (H, W, 3) uint8."""
    count = len(moment.frames)
    columns = count if count <= 3 else math.ceil(math.sqrt(count))
    tiles = [_tile(frame, columns) for frame in moment.frames]
    width, height = tiles[0].size
    rows = -(-count // columns)
    size = GAP + columns * (width + GAP), GAP + rows * (height + BAR + GAP)
    page = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(page)
    for index, tile in enumerate(tiles):
        left = GAP + index % columns * (width + GAP)
        top = GAP + index // columns * (height + BAR + GAP)
        page.paste(tile, (left, top + BAR))
        pen.text((left, top + 1), f"score {moment.scores[index]:g}", INK, font(16))
        if width >= SMALLEST:
            steps = f"{'over at' if moment.over[index] else 'step'} {moment.steps[index]}"
            pen.text((left + width, top + 3), steps, FAINT, font(13), anchor="ra")
    return np.asarray(page)


def _tile(frame: Frame, columns: int) -> Image.Image:
    if not isinstance(frame, np.ndarray):
        raise RockfallError("the environment gave no picture")
    image = Image.fromarray(frame).convert("RGB")
    longer = max(image.size)
    most = min(LARGEST, (WIDEST - GAP) // columns - GAP)
    if longer > most:
        width, height = (max(1, round(side * most / longer)) for side in image.size)
        return image.resize((width, height), Image.Resampling.LANCZOS)
    factor = min(-(-SMALLEST // longer), most // longer)
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
