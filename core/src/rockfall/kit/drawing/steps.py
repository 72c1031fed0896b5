"""How examples come about, step by step: on paper, and as a film."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image
from torch import Tensor

from rockfall.kit import pictures
from rockfall.kit.drawing.colours import FAINT
from rockfall.kit.drawing.layout import below, beside, padded, page, words
from rockfall.kit.drawing.sheets import in_rows, sheet
from rockfall.kit.progress import counted
from rockfall.kit.schedules import geometric_steps

FPS = 10.0
HOLD = 2.0
"""Seconds for which a film rests at the end, before it begins again."""
FURTHER = 1.1
"""How many times later than the one before a frame is. Of 1,000 steps some 60 are seen, all of the
first 16 among them, in which most happens; of 100,000 some 110.
"""
WIDEST = 768
"""Pixels across a film; more makes files that no page wants."""
CAPTION = 110
"""Pixels across that the longest caption takes, for all frames must be of one size."""

T = TypeVar("T")


def on_paper(shown: Sequence[tuple[int, Tensor]]) -> Image.Image:
    """Numbered steps of the same examples (N, C, H, W) uint8: a column a step, a row an example."""
    columns = [
        below([words(f"step {number:,}", 12, FAINT), sheet(in_rows(made, 1))], 2, "middle")
        for number, made in shown
    ]
    return page("How examples come about", "Each row is one example.", beside(columns, 10))


def as_sheet(made: Tensor) -> Image.Image:
    """Examples (N, C, H, W) uint8 in a square."""
    return sheet(in_rows(made))


def save_film(
    path: Path, steps: Iterable[Tensor], drawn: Callable[[Tensor], Image.Image] = as_sheet
) -> Tensor:
    """Write steps of the same examples, each as `drawn`, as a GIF, fewer and fewer of them as they
    go on; returns the last, on which it rests.
    """
    shown = list(picked(steps, geometric_steps(FURTHER)))
    _save(path, [(number, functools.partial(drawn, made)) for number, made in shown])
    return shown[-1][1]


def save_sheets(path: Path, sheets: Sequence[tuple[int, Path]]) -> None:
    """Write picture files, each with its step, as a GIF that rests on the last, all brought to the
    size of the first. Raises UsageError for a file that is no picture.
    """
    height, width = pictures.sides(sheets[0][1])

    def draw(file: Path) -> Image.Image:
        image = pictures.read(file)
        size = (width, height)
        return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)

    with pictures.quietly():
        _save(path, [(step, functools.partial(draw, file)) for step, file in sheets])


def picked(steps: Iterable[T], places: Iterator[int]) -> Iterator[tuple[int, T]]:
    """Of the steps, those at rising places, each with its place; and whatever comes last."""
    due = next(places)
    for place, step in enumerate(steps):
        if shown := place == due:
            yield place, step
            due = next(places)
    if not shown:
        yield place, step


def one_two_five() -> Iterator[int]:
    """0, 1, 2, 5, 10, 20, 50, 100 …"""
    yield 0
    for digits in itertools.count():
        yield from (first * 10**digits for first in (1, 2, 5))


def _save(path: Path, shown: Sequence[tuple[int, Callable[[], Image.Image]]]) -> None:
    end = _frame(*shown[-1])
    frames = (_frame(*step) for step in counted(shown, len(shown), "drawing frames"))
    pictures.save_gif(path, itertools.chain(frames, [end] * round(HOLD * FPS)), FPS)


def _frame(number: int, draw: Callable[[], Image.Image]) -> np.ndarray:
    examples = draw()
    examples.thumbnail((WIDEST, WIDEST))
    return np.asarray(below([padded(examples, CAPTION, "start"), words(f" step {number:,}")], 0))
