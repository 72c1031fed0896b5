"""Picture files side by side, each under its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from rockfall.kit import pictures
from rockfall.kit.drawing.colours import FAINT
from rockfall.kit.drawing.layout import below, in_grid, words

WIDEST = 920
"""Pixels across, as two charts are."""
SMALLEST, LARGEST = 220, 456
"""Pixels across that one of them takes."""
GAP = 8


def side_by_side(files: Sequence[tuple[str, Path]]) -> Image.Image:
    """The pictures by name, in rows. Raises UsageError for a damaged file."""
    columns = min(len(files), (WIDEST + GAP) // (SMALLEST + GAP))
    width = min(LARGEST, (WIDEST + GAP) // columns - GAP)
    with pictures.quietly():
        return in_grid([_cell(name, file, width) for name, file in files], columns, GAP)


def _cell(name: str, file: Path, width: int) -> Image.Image:
    image = pictures.read(file)
    height = max(1, round(image.height * width / image.width))
    # Pixels are as large as they come, or sharp, so that what is small is not drawn out softly.
    how = Image.Resampling.LANCZOS if width < image.width else Image.Resampling.NEAREST
    label = words(name, 12, FAINT, width)
    return below([label, image.resize((width, height), how)], 2, "middle")
