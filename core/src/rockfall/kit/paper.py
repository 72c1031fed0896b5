"""The paper under a drawing: what a picture would be if nothing were drawn on it."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

SIDE = 48
"""Pixels along the longer side at which paper is looked at: light and shadows are larger, and a
median of few pixels is quick.
"""
NEAR = 16.0
"""Levels, of 255 and over all channels, by which paper may differ from what it is taken for: grain,
noise, faint rules.
"""
RIM = 0.8
"""Pixels further out, of 1, are the rim, of which most is paper, whatever is drawn inside; the
outermost always are.
"""
INSIDE = 0.25
"""How much a pixel inside counts in the fit, beside one of the rim."""
MOST, SOME = 0.5, 0.2
"""Shares of the rim and of the whole that must lie near a smooth surface for it to be the paper:
broad strokes may cover more than half of what they are drawn on.
"""
STEPS = 20
"""Of the fit; after ten, it moves by less than a level."""
REACH = 1 / 6
"""How far, in longer sides, a pixel's window reaches: strokes fill less than half of it, and light
changes little within it.
"""


def paper_of(image: Image.Image) -> np.ndarray:
    """(H, W, 3) float32 of an RGB image: a smooth surface if its rim lies on one, as on paper in a
    lamp's light; else, where a shadow's edge or a desk is seen, the median around each pixel.
    """
    factor = min(1.0, SIDE / max(image.size))
    width, height = (max(1, round(side * factor)) for side in image.size)
    small = image.resize((width, height), Image.Resampling.BOX)
    surface = _smooth(np.asarray(small, np.float64), image.size)
    return _median(small, image.size) if surface is None else surface


def _smooth(levels: np.ndarray, size: tuple[int, int]) -> np.ndarray | None:
    """The quadratic surface with the least absolute deviations from levels (h, w, 3), by
    iteratively reweighted least squares, at another size (width, height); None if too little lies
    near it.
    """
    height, width, _ = levels.shape
    terms, rim = _terms(width, height)
    known, points, rim = terms.reshape(-1, terms.shape[-1]), levels.reshape(-1, 3), rim.ravel()
    trusted = np.where(rim, 1.0, INSIDE)
    distances = np.ones(len(points))
    for _ in range(STEPS):
        weighted = known.T * (trusted / np.maximum(distances, 1))
        factors = np.linalg.lstsq(weighted @ known, weighted @ points, rcond=None)[0]
        distances = np.linalg.norm(points - known @ factors, axis=1)
    near = distances < NEAR
    if near[rim].mean() < MOST or near.mean() < SOME:
        return None
    return np.asarray(_terms(*size)[0] @ factors, np.float32)


def _terms(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """1, x, y, x², xy and y² of every pixel, (H, W, 6), from -1 to 1; and (H, W) bool, the rim."""
    y, x = np.meshgrid(_centres(height), _centres(width), indexing="ij")
    rim = np.maximum(abs(x), abs(y)) > RIM
    rim[[0, -1]] = rim[:, [0, -1]] = True
    return np.stack((np.ones_like(x), x, y, x * x, x * y, y * y), -1), rim


def _centres(count: int) -> np.ndarray:
    return (2 * np.arange(count) + 1) / count - 1


def _median(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """The median of the window around each pixel, mirrored at the sides, at another size. An edge
    between light and shade stays sharp.
    """
    width, height = image.size
    reach = int(max(width, height) * REACH)
    wide = np.pad(np.asarray(image), ((reach, reach), (reach, reach), (0, 0)), "symmetric")
    median = Image.fromarray(wide).filter(ImageFilter.MedianFilter(2 * reach + 1))
    middle = median.crop((reach, reach, reach + width, reach + height))
    return np.asarray(middle.resize(size, Image.Resampling.BICUBIC), np.float32)
