"""The most confident mistakes of a classifier, as a labelled sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image
from torch import Tensor

from rockfall.kit.drawing import FAINT, below, enlarged, framed, in_grid, page, words
from rockfall.kit.pictures import to_image

COLUMNS, ROWS = 6, 4
MAX_MISTAKES = COLUMNS * ROWS
TILE = 96
MAX_LABEL = 190
"""Pixels that the words below a picture may take."""
LONGEST_FILE = 30
"""Characters of a path that fit there."""
WRONG = (176, 74, 0)


class Mistake(NamedTuple):
    """A picture (C, H, W) uint8, its class, the predicted class with its probability, and the file
    that it is of; empty if it is of none.
    """

    picture: Tensor
    label: int
    predicted: int
    probability: float
    file: str = ""


def mistakes(
    found: Sequence[Mistake], wrong: int, total: int, classes: Sequence[str]
) -> Image.Image:
    """The mistakes in their order, of `wrong` that were made on `total` test examples."""
    if not found:
        body = words(f"All of {total:,} test examples are classified right.")
        return page("No mistakes", "", body)
    cells = [
        below(
            [
                framed(enlarged(to_image(each.picture), TILE)),
                words(_predicted(each, classes), 13, WRONG, MAX_LABEL),
                words(f"is {classes[each.label]}", 13, width=MAX_LABEL),
                *([words(_ending(each.file), 11, FAINT, MAX_LABEL)] if each.file else []),
            ],
            2,
            "middle",
        )
        for each in found
    ]
    note = f"{wrong:,} of {total:,} test examples are classified wrong; the most confident first."
    return page("The most confident mistakes", note, in_grid(cells, COLUMNS, 14))


def _ending(file: str) -> str:
    """What tells one file from another is at the end of its path."""
    return file if len(file) <= LONGEST_FILE else f"..{file[2 - LONGEST_FILE :]}"


def _predicted(mistake: Mistake, classes: Sequence[str]) -> str:
    return f"predicted {classes[mistake.predicted]} ({percent(mistake.probability)})"


def percent(share: float) -> str:
    """`98 %`; never 100 for what is a little less: that little tells a sure model from another."""
    shown = f"{100 * share:.0f}"
    return f"{100 * share:.1f} %" if shown == "100" and share < 0.9995 else f"{shown} %"
