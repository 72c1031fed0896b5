"""Episodes as the frames of a GIF: side by side, each under its score."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from rockfall import RockfallError
from rockfall.kit.drawing import font
from rockfall.kit.environments import Frame
from rockfall_capabilities.acts.episodes import EpisodeStates

MAX_WIDTH = 768
"""Pixels across the whole; more makes files that no page wants."""
MIN_SIDE, MAX_SIDE = 160, 512
"""Pixels that the longer side of one episode's frame may have."""
GAP, BAR = 8, 24
PAPER, INK, FAINT = (18, 18, 24), (240, 240, 240), (150, 150, 165)


def frame_of(states: EpisodeStates) -> np.ndarray:
    """Episodes after a step as one picture (H, W, 3) uint8."""
    count = len(states.frames)
    columns = count if count <= 3 else math.ceil(math.sqrt(count))
    tiles = [_tile(frame, columns) for frame in states.frames]
    width, height = tiles[0].size
    rows = -(-count // columns)
    size = GAP + columns * (width + GAP), GAP + rows * (height + BAR + GAP)
    page = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(page)
    for index, tile in enumerate(tiles):
        left = GAP + index % columns * (width + GAP)
        top = GAP + index // columns * (height + BAR + GAP)
        page.paste(tile, (left, top + BAR))
        pen.text((left, top + 1), f"score {states.scores[index]:g}", INK, font(16))
        if width >= MIN_SIDE:
            steps = f"{'over at' if states.over[index] else 'step'} {states.steps[index]}"
            pen.text((left + width, top + 3), steps, FAINT, font(13), anchor="ra")
    return np.asarray(page)


def _tile(frame: Frame, columns: int) -> Image.Image:
    if not isinstance(frame, np.ndarray):
        raise RockfallError("the environment gave no picture")
    image = Image.fromarray(frame).convert("RGB")
    longer = max(image.size)
    most = min(MAX_SIDE, (MAX_WIDTH - GAP) // columns - GAP)
    if longer > most:
        width, height = (max(1, round(side * most / longer)) for side in image.size)
        return image.resize((width, height), Image.Resampling.LANCZOS)
    factor = min(-(-MIN_SIDE // longer), most // longer)
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
