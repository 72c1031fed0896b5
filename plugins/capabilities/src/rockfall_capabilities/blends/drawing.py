"""Interpolations from one example to the next, as a sheet and as a GIF, and sums of examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from torch import Tensor

from rockfall.kit import pictures
from rockfall.kit.drawing import below, beside, enlarged, page, sheet, words
from rockfall.kit.pictures import to_image
from rockfall.kit.progress import counted

FPS = 15.0
HOLD = round(0.6 * FPS)
"""Frames for which a GIF holds the picture at each term."""
GIF_SIDE = 256
"""About how many pixels a side of its pictures has."""


class Term(NamedTuple):
    """An example (C, H, W) uint8 that is blended, and its class or the name of its file."""

    name: str
    picture: Tensor


def strips(title: str, terms: Sequence[Term], legs: Sequence[Tensor]) -> Image.Image:
    """A row from each term to the next: pictures (S, C, H, W) uint8 between the two."""
    rows = [
        beside([_named(first), sheet([("", leg)]), _named(last)], 12, "end")
        for first, last, leg in zip(terms, terms[1:], legs, strict=False)
    ]
    note = "At the ends the given examples, between them what interpolated latents decode to."
    return page(title, note, below(rows, 8))


def arithmetic(
    title: str, terms: Sequence[Term], weights: Sequence[float], result: Tensor
) -> Image.Image:
    """The terms, each under its weight, and the picture (C, H, W) uint8 that the weighted sum of
    their latents decodes to.
    """
    shown = [
        below([words(f"{weight:+g} x", 13), _named(term)], 2)
        for term, weight in zip(terms, weights, strict=True)
    ]
    decoded = below([words("makes", 13), _named(Term("", result))], 2)
    note = "The given examples, and what the weighted sum of their latents decodes to."
    return page(title, note, beside([*shown, decoded], 24))


def save_film(path: Path, legs: Sequence[Tensor]) -> None:
    """Write pictures from each term to the next, (S, C, H, W) uint8, as a GIF that runs forwards
    and backwards, and holds the picture at each term.
    """
    forwards = [picture for leg in legs for picture in [*[leg[0]] * HOLD, *leg[1:-1]]]
    forwards += [legs[-1][-1]] * HOLD
    shown = forwards + forwards[::-1][HOLD:-HOLD]
    frames = (
        np.asarray(enlarged(to_image(picture), GIF_SIDE))
        for picture in counted(shown, len(shown), "drawing frames")
    )
    pictures.save_gif(path, frames, FPS)


def _named(term: Term) -> Image.Image:
    tile = sheet([("", term.picture[None])])
    return below([words(term.name, 12, width=tile.width), tile], 0, "middle")
