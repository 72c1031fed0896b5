"""Where a classifier looks: a picture beside itself with what matters glowing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image
from torch import Tensor

from rockfall.kit.drawing import FAINT, below, beside, enlarged, framed, heat, in_grid, page, words
from rockfall.kit.pictures import to_image
from rockfall_capabilities.classifies.mistakes import percent

COLUMNS = 5
TILE = 96
SHINES = 0.35
"""How much of the picture is seen through the heat."""
LEAST = 0.005
"""A fall that glows brightest even where there is no larger one; less is noise."""
NOTE = (
    "A patch of the mean colour slides over the picture, which glows where that makes the class",
    "less probable; below, by how many percentage points. Zeiler and Fergus 2014, section 4.2.",
)


class Looked(NamedTuple):
    """A picture (C, H, W) uint8, its class, what the model said, and how much that became less
    probable, (H, W), where the picture was covered.
    """

    picture: Tensor
    label: int
    said: int
    probability: float
    falls: Tensor


def saliency(looked: Sequence[Looked], classes: Sequence[str]) -> Image.Image:
    """A cell a picture: itself, and itself with what matters glowing."""
    cells = []
    for each in looked:
        line = f"said {classes[each.said]} ({percent(each.probability)})"
        if each.said != each.label:
            line += f", is {classes[each.label]}"
        pair = beside(
            [
                framed(enlarged(to_image(each.picture), TILE)),
                framed(glowing(each.picture, each.falls, TILE)),
            ],
            4,
        )
        cells.append(
            below(
                [
                    pair,
                    words(line, 13, width=pair.width),
                    words(fall(each.falls), 12, FAINT),
                ],
                2,
            )
        )
    body = in_grid(cells, min(COLUMNS, len(cells)), 18)
    note = below([words(line, 12, FAINT) for line in NOTE], 0)
    return page("Where it looks", "", below([note, body], 14))


def fall(falls: Tensor) -> str:
    """How much the probability falls at most, in percentage points."""
    points = 100 * falls.max().item()
    if points < 1:
        return "falls by less than 1 point"
    return f"falls by up to {points:.0f} point{'s' if round(points) > 1 else ''}"


def glowing(picture: Tensor, falls: Tensor, side: int) -> Image.Image:
    """The picture (C, H, W) uint8, faint and grey, under the falls (H, W) as heat.

    The largest fall glows brightest, unless it is next to nothing.
    """
    base = np.asarray(enlarged(to_image(picture).convert("L"), side), np.float32)
    most = max(falls.max().item(), LEAST)
    level = (falls.float().cpu().numpy() / most).clip(0, 1)
    # Drawn out softly, for a patch has no sharp place.
    size = (base.shape[1], base.shape[0])
    soft = Image.fromarray((255 * level).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    glow = heat(np.asarray(soft) / 255)
    return Image.fromarray((SHINES * base + (1 - SHINES) * glow).round().astype(np.uint8))
