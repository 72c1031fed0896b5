"""What lies between examples: from one to the next on paper and as a film, and sums of them."""

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
REST = round(0.6 * FPS)
"""Frames for which a film rests where an example was given."""
FILM = 256
"""About how many pixels long its pictures are."""


class Term(NamedTuple):
    """A given example (C, H, W) uint8, and what it was asked for by."""

    name: str
    given: Tensor


def strips(title: str, terms: Sequence[Term], legs: Sequence[Tensor]) -> Image.Image:
    """A row from each term to the next: pictures (S, C, H, W) uint8 between the two."""
    rows = [
        beside([_named(first), sheet([("", leg)]), _named(last)], 12, "end")
        for first, last, leg in zip(terms, terms[1:], legs, strict=False)
    ]
    note = "At the ends the given examples, between them what the model makes of their latents."
    return page(title, note, below(rows, 8))


def arithmetic(
    title: str, terms: Sequence[Term], weights: Sequence[float], made: Tensor
) -> Image.Image:
    """The terms, each under its weight, and the picture (C, H, W) uint8 made of their sum."""
    given = [
        below([words(f"{weight:+g} x", 13), _named(term)], 2)
        for term, weight in zip(terms, weights, strict=True)
    ]
    result = below([words("makes", 13), _named(Term("", made))], 2)
    note = "The given examples, and what the model makes of the weighted sum of their latents."
    return page(title, note, beside([*given, result], 24))


def save_there_and_back(path: Path, legs: Sequence[Tensor]) -> None:
    """Write pictures from each term to the next, (S, C, H, W) uint8, as a GIF that goes there and
    back, and rests at each of them.
    """
    there = [picture for leg in legs for picture in [*[leg[0]] * REST, *leg[1:-1]]]
    there += [legs[-1][-1]] * REST
    shown = there + there[::-1][REST:-REST]
    frames = (
        np.asarray(enlarged(to_image(picture), FILM))
        for picture in counted(shown, len(shown), "drawing frames")
    )
    pictures.save_gif(path, frames, FPS)


def _named(term: Term) -> Image.Image:
    tile = sheet([("", term.given[None])])
    return below([words(term.name, 12, width=tile.width), tile], 0, "middle")
