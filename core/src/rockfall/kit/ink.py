"""What is drawn on a picture of paper: its strokes, without the paper.

The paper is subtracted, and what is left is projected on the ink's colour, which is its first
principal component. Otsu's threshold tells ink from rules and grain, and connected regions tell a
drawing from specks of dust, from a frame, and from the desk around a sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from rockfall.kit.paper import paper_of
from rockfall.kit.pictures import on_white
from rockfall.kit.regions import Region, labels_of, regions_of
from rockfall.kit.resizing import edges

SIDE = 256
"""Pixels along the longer side at which drawings are looked for."""
MIN_CONTRAST = 64.0
"""By how much, of 255, the border's level must lie on one side of the middle to tell of paper."""
MAX_DEVIATION = 16.0
"""Standard deviation, of 255, that the outermost pixels of plain paper may have."""
LIGHTEST = 192
"""Of what nothing is darker, all would be lost on white."""
FAINTEST = 8.0
"""Levels, of 255, by which ink differs from its paper at least."""
NOISE = 4.0
"""Standard deviations of the paper's grain by which ink differs from it at least."""
BRIGHTEST = 3.0
"""Factor at most by which ink in the shade is brought to what it would be in the light."""
REGIONS = 100
"""The heaviest that are looked at; grain makes thousands."""
SPECK = 0.1
"""What has less than this share of the heaviest region's ink is dust."""
SHORT = 1 / 12
"""Of the picture's longer side: what is smaller is no drawing that something could be a frame of.
"""
SHORTEST = 1 / 64
"""Of the picture's longer side: what is smaller is grain of a paper on which nothing is drawn."""
INNER = 0.25
"""Of a frame's length, that of what it is a frame of; the dot in a zero is smaller."""
FULL = 0.95
"""The quantile of the ink that is drawn at full strength."""


class Drawing(NamedTuple):
    """levels: (H, W) uint8, ink towards 255 on paper of 0. box: around it, as Pillow's `crop` takes
    it. dark: whether its ink was darker than its paper. notes: what was taken away, in words.
    """

    levels: np.ndarray
    box: tuple[int, int, int, int]
    dark: bool
    notes: tuple[str, ...] = ()


def find(image: Image.Image) -> Drawing | None:
    """What is drawn on an image, L, RGB or RGBA; None if nothing is.

    Its levels have the image's size, or `SIDE` along the longer side if it is larger.
    """
    page, on_black = _opaque(image)
    factor = min(1.0, SIDE / max(page.size))
    width, height = (max(1, round(side * factor)) for side in page.size)
    page = page.resize((width, height), Image.Resampling.BOX)
    paper = paper_of(page)
    strength, dark = _strength(np.asarray(page, np.float32) - paper, paper)
    grain = 1.4826 * float(np.median(np.abs(strength)))  # a normal distribution's deviation
    faintest = max(FAINTEST, NOISE * grain)
    candidates = strength[strength > faintest]
    if not candidates.size:
        return None
    least = otsu(candidates)
    strong = float(candidates[candidates > least].mean())
    # All may be of one strength, or ink with soft edges: then a third of it is enough.
    ink = strength > max(faintest, min(least, strong / 3))
    labels = labels_of(ink)
    found = regions_of(labels, strength.clip(0))[:REGIONS]
    unframed = _without_frames(found, page.size)
    drawn = [each for each in unframed if each.weight >= SPECK * unframed[0].weight]
    if max(each.length for each in drawn) < SHORTEST * max(page.size):
        return None
    ink &= np.isin(labels, [each.number for each in drawn])
    beside = F.max_pool2d(torch.from_numpy(ink)[None].float(), 3, 1, 1)[0].numpy()  # soft edges
    levels = 255 * beside * (strength / np.quantile(strength[ink], FULL)).clip(0, 1)
    left, upper, right, lower = zip(*(each.box for each in drawn), strict=True)
    notes = {
        "laid on black": on_black,
        "without the frame": len(unframed) < len(found),
        "without specks": len(drawn) < len(unframed),
    }
    return Drawing(
        levels.round().astype(np.uint8),
        (min(left), min(upper), max(right), max(lower)),
        dark,
        tuple(words for words, was in notes.items() if was),
    )


def is_paper(image: Image.Image, *, dark: bool, all_round: bool = False) -> bool:
    """Whether most of an image's border is clearly that of dark paper, or else of light; or nearly
    all of it, since what is drawn may fill a picture.
    """
    levels = edges(on_white(image).convert("L"))
    towards = 255 - levels if dark else levels
    least = np.quantile(towards, 0.1 if all_round else 0.5)
    return bool(least > 127.5 + MIN_CONTRAST / 2)


def is_plain(image: Image.Image) -> bool:
    """Whether an image's outermost pixels are of about one level: nothing is drawn there."""
    return bool(edges(on_white(image).convert("L")).std() <= MAX_DEVIATION)


def otsu(values: np.ndarray) -> float:
    """The threshold that leaves the least variance within the two classes that it makes of values
    (N,): Otsu 1979, "A Threshold Selection Method from Gray-Level Histograms". Below them all if
    they are equal.
    """
    if values.min() == values.max():
        return float(values.min()) - 1
    counts, ends = np.histogram(values, 128)
    middles = (ends[1:] + ends[:-1]) / 2
    below, total = counts.cumsum()[:-1], counts.sum()
    sums = (counts * middles).cumsum()
    # The histogram's first and last bin hold the least and the greatest value: neither is empty.
    gap = sums[:-1] / below - (sums[-1] - sums[:-1]) / (total - below)
    return float(ends[1:][np.argmax(below * (total - below) * gap**2)])


def _opaque(image: Image.Image) -> tuple[Image.Image, bool]:
    """An image as RGB, and whether what is transparent was laid on black: where all that can be
    seen is so light that it would be lost on white.
    """
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        seen = np.asarray(rgba.convert("L"))[np.asarray(rgba.getchannel("A")) > 127]
        if seen.size and np.quantile(seen, 0.02) > LIGHTEST:
            black = Image.new("RGBA", rgba.size, "black")
            return Image.alpha_composite(black, rgba).convert("RGB"), True
    return on_white(image), False


def _strength(differences: np.ndarray, paper: np.ndarray) -> tuple[np.ndarray, bool]:
    """(H, W, 3) from the paper → (H, W), how far each pixel is towards the ink, in levels; and
    whether the ink is darker than the paper.

    What differs most counts most, for the direction and for its sign: ink is scarce and strong.
    Where less light falls, ink differs by less, in proportion.
    """
    points = differences.reshape(-1, 3).astype(np.float64)
    towards = np.linalg.eigh((points * (points**2).sum(1, keepdims=True)).T @ points)[1][:, -1]
    along = differences @ towards
    if (along**3).sum() < 0:
        towards, along = -towards, -along
    light = paper.mean(-1).clip(0) + 16  # so that black paper has some
    return along * (light.mean() / light).clip(1 / BRIGHTEST, BRIGHTEST), bool(towards.sum() < 0)


def _without_frames(regions: Sequence[Region], size: tuple[int, int]) -> list[Region]:
    """Without those that touch the picture's border, and those that enclose others, if what is left
    is large enough to be a drawing.
    """
    width, height = size
    page = Region(0, (0, 0, width, height), 0.0)
    free = [each for each in regions if page.encloses(each)]
    if any(each.length >= SHORT * page.length for each in free):
        regions = free
    return [
        each
        for each in regions
        if not any(each.encloses(o) and o.length >= INNER * each.length for o in regions)
    ]
