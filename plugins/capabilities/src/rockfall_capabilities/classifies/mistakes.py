"""The most confident mistakes of a classifier, as a labelled sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image
from torch import Tensor

from rockfall.kit.drawing import below, enlarged, framed, in_grid, page, words
from rockfall.kit.pictures import to_image

COLUMNS, ROWS = 6, 4
MOST = COLUMNS * ROWS
TILE = 96
WIDEST = 150
"""Pixels that a long class name may take."""
SAID = (176, 74, 0)


class Mistake(NamedTuple):
    """A picture (C, H, W) uint8, its class, and what the model said and how surely."""

    picture: Tensor
    label: int
    said: int
    probability: float


def mistakes(
    found: Sequence[Mistake], wrong: int, total: int, classes: Sequence[str]
) -> Image.Image:
    """The mistakes in their order, of `wrong` that were made with `total` test examples."""
    if not found:
        body = words(f"None of {total:,} test examples is taken for another class.")
        return page("No mistakes", "", body)
    cells = [
        below(
            [
                framed(enlarged(to_image(each.picture), TILE)),
                words(_said(each, classes), 13, SAID, WIDEST),
                words(f"is {classes[each.label]}", 13, width=WIDEST),
            ],
            2,
            "middle",
        )
        for each in found
    ]
    note = f"{wrong:,} of {total:,} test examples are taken for another class; the surest first."
    return page("The most confident mistakes", note, in_grid(cells, COLUMNS, 14))


def _said(mistake: Mistake, classes: Sequence[str]) -> str:
    return f"said {classes[mistake.said]} ({percent(mistake.probability)})"


def percent(share: float) -> str:
    """`98 %`; never 100 for what is a little less, since that little is what one looks for."""
    shown = f"{100 * share:.0f}"
    return f"{100 * share:.1f} %" if shown == "100" and share < 0.9995 else f"{shown} %"
