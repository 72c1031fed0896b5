"""Saliency by occlusion: pictures beside heat maps of what their classification depends on."""

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
PICTURE_WEIGHT = 0.35
"""The share of the picture in a heat map over it."""
MIN_DROP = 0.005
"""The drop in probability that is brightest even where there is no larger one; less is noise."""
NOTE = (
    "A patch of the mean colour slides over the picture, which glows where that makes the class",
    "less probable; below, by how many percentage points. Zeiler and Fergus 2014, section 4.2.",
)


class Occluded(NamedTuple):
    """A picture (C, H, W) uint8, its class, the predicted class with its probability, and the drop
    in that, (H, W), where the picture is occluded.
    """

    picture: Tensor
    label: int
    predicted: int
    probability: float
    drops: Tensor


def saliency(occluded: Sequence[Occluded], classes: Sequence[str]) -> Image.Image:
    """A cell a picture: itself, and its heat map."""
    cells = []
    for each in occluded:
        line = f"predicted {classes[each.predicted]} ({percent(each.probability)})"
        if each.predicted != each.label:
            line += f", is {classes[each.label]}"
        pair = beside(
            [
                framed(enlarged(to_image(each.picture), TILE)),
                framed(heat_map(each.picture, each.drops, TILE)),
            ],
            4,
        )
        cells.append(
            below(
                [
                    pair,
                    words(line, 13, width=pair.width),
                    words(largest_drop(each.drops), 12, FAINT),
                ],
                2,
            )
        )
    body = in_grid(cells, min(COLUMNS, len(cells)), 18)
    note = below([words(line, 12, FAINT) for line in NOTE], 0)
    return page("Occlusion saliency", "", below([note, body], 14))


def largest_drop(drops: Tensor) -> str:
    """How much the probability drops at most, in percentage points."""
    points = 100 * drops.max().item()
    if points < 1:
        return "drops by less than 1 point"
    return f"drops by up to {points:.0f} point{'s' if round(points) > 1 else ''}"


def heat_map(picture: Tensor, drops: Tensor, side: int) -> Image.Image:
    """The picture (C, H, W) uint8, faint and grey, under the drops (H, W) as heat.

    The largest drop is the brightest, unless it is next to nothing.
    """
    base = np.asarray(enlarged(to_image(picture).convert("L"), side), np.float32)
    largest = max(drops.max().item(), MIN_DROP)
    level = (drops.float().cpu().numpy() / largest).clip(0, 1)
    # Smooth, since a patch has no sharp position.
    size = (base.shape[1], base.shape[0])
    soft = Image.fromarray((255 * level).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    glow = heat(np.asarray(soft) / 255)
    return Image.fromarray(
        (PICTURE_WEIGHT * base + (1 - PICTURE_WEIGHT) * glow).round().astype(np.uint8)
    )
