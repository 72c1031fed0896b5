"""`python -m tests.drawings.sheet FILE [PAPER …]`: digits on papers, and their ink."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from rockfall.kit.drawing import words
from rockfall.kit.ink import find
from rockfall.kit.resizing import framed
from tests.drawings.papers import PAPERS, drawing

SIDE = 72
ROOM = 190


def sheet(papers: Sequence[str] = (), seed: int = 0) -> Image.Image:
    """One row a paper, of all without any: the drawings, each above the ink that is found."""
    papers = papers or list(PAPERS)
    whole = Image.new("RGB", (ROOM + 10 * SIDE, 2 * SIDE * len(papers)), (205, 205, 215))
    for row, name in enumerate(papers):
        whole.paste(words(name, 12), (4, 2 * SIDE * row + SIDE))
        for label in range(10):
            image, _ = drawing(name, label, seed)
            corner = ROOM + label * SIDE, 2 * SIDE * row
            small = image.copy()
            small.thumbnail((SIDE - 4, SIDE - 4))
            whole.paste(small, corner, small if small.mode == "RGBA" else None)
            if found := find(image):
                ink = Image.fromarray(found.levels).crop(found.box)
                seen = framed(ink, (28, 28), np.zeros(1), (5 / 7, 5 / 7))
                whole.paste(seen.resize((SIDE - 8, SIDE - 8)), (corner[0], corner[1] + SIDE))
    return whole


if __name__ == "__main__":
    sheet(sys.argv[2:]).save(Path(sys.argv[1]), quality=85)
