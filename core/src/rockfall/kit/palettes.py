"""The 256 colours of a film, and its frames in them: for files that hold no more.

Ordered dithering: a pixel is one of the two colours of the palette that it lies between, by a
threshold that depends on its place alone. So what does not move does not flicker, as it would by
error diffusion, where a pixel depends on all before it; and what has a colour of the palette has
it everywhere.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np
from PIL import Image

COLOURS = 256
SAMPLE = 1 << 14
"""Pixels of a frame that count for the palette, about."""
BEYOND = (1, 2, 4)
"""How far from a pixel, in distances to its nearest colour and away from that, its second colour is
looked for.
"""
FARTHEST = 96
"""Levels between the two colours of a pixel, at most: specks of others are worse than an error."""


def palette_of(frames: Iterable[np.ndarray], count: int = COLOURS) -> np.ndarray:
    """Colours (count, 3) uint8 of all the frames (H, W, 3) uint8: each of theirs if they have no
    more, and else the most typical, by median cut and one step of k-means.
    """
    exact: np.ndarray | None = np.empty(0, np.uint32)
    samples = []
    for frame in frames:
        pixels = frame.reshape(-1, 3)
        if exact is not None:
            packed = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
            exact = np.union1d(exact, packed)
            exact = exact if len(exact) <= count else None
        samples.append(pixels[:: len(pixels) // SAMPLE | 1])
    if exact is not None:
        colours = np.stack([exact >> shift & 255 for shift in (16, 8, 0)], 1).astype(np.uint8)
    else:
        typical = Image.fromarray(np.concatenate(samples)[None]).quantize(count, kmeans=1)
        colours = np.array(typical.getpalette(), np.uint8).reshape(-1, 3)
    return np.concatenate((colours, colours[-1:].repeat(count - len(colours), 0)))


def in_palette(frame: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3) uint8, dithered: for each pixel (H, W) the place of one of the colours
    (N, 3) uint8.
    """
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours.tobytes())

    def nearest(levels: np.ndarray) -> np.ndarray:
        image = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
        return np.asarray(image.quantize(palette=palette, dither=Image.Dither.NONE))

    levels = colours.astype(np.float32)
    pixels = frame.astype(np.float32)
    one = other = nearest(frame)
    error = pixels - levels[one]
    for factor in BEYOND:
        other = np.where(other == one, nearest(pixels + factor * error), other)
    apart = levels[other] - levels[one]
    distance = np.square(apart).sum(-1)
    share = (error * apart).sum(-1) / np.maximum(distance, 1)
    taken = (thresholds(*frame.shape[:2]) < share) & (distance < FARTHEST**2)
    return np.where(taken, other, one)


@functools.lru_cache(maxsize=4)
def thresholds(height: int, width: int) -> np.ndarray:
    """(height, width), 0 … 1, even, and each different from those around it.

    Jimenez 2014, "Next Generation Post Processing in Call of Duty: Advanced Warfare": interleaved
    gradient noise.
    """
    rows, columns = np.mgrid[:height, :width]
    return np.asarray(np.modf(52.9829189 * np.modf(0.06711056 * columns + 0.00583715 * rows)[0])[0])
