"""Pictures of one name that several runs left, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from rockfall.kit import pictures
from rockfall.kit.drawing.layout import FAINT, below, in_grid, words
from rockfall.registry import registry
from rockfall.run.directory import RunDirectory

WIDEST = 920
"""Pixels across, as two charts are."""
SMALLEST, LARGEST = 220, 456
"""Pixels across that one of them takes."""
GAP = 8


def shared(runs: Sequence[RunDirectory]) -> list[str]:
    """The names of pictures to be compared that all of the runs left."""
    specs = [capability.spec for capability in registry().capabilities]
    names = [spec.compared for spec in specs if spec.compared]
    return [name for name in names if all(_file(run, name).exists() for run in runs)]


def draw(runs: Sequence[RunDirectory], name: str) -> Image.Image:
    """Each run's picture of that name under the run's. Raises UsageError for a damaged file."""
    columns = min(len(runs), (WIDEST + GAP) // (SMALLEST + GAP))
    width = min(LARGEST, (WIDEST + GAP) // columns - GAP)
    with pictures.quietly():
        cells = [_cell(run, name, width) for run in runs]
    return in_grid(cells, columns, GAP)


def _cell(run: RunDirectory, name: str, width: int) -> Image.Image:
    image = pictures.read(_file(run, name))
    height = max(1, round(image.height * width / image.width))
    # Pixels are as large as they come, or sharp, so that what is small is not drawn out softly.
    how = Image.Resampling.LANCZOS if width < image.width else Image.Resampling.NEAREST
    label = words(run.name, 12, FAINT, width)
    return below([label, image.resize((width, height), how)], 2, "middle")


def _file(run: RunDirectory, name: str) -> Path:
    return run.pictures / f"{name}.png"
