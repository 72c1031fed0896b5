"""Points as pictures: a histogram of numbers, a scatter of points in the plane."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from rockfall.display.chart import (
    BOTTOM,
    COLOURS,
    INK,
    LEFT,
    RIGHT,
    SHARPNESS,
    TOP,
    Chart,
    blank,
    span,
)

WIDTH, HEIGHT = 460, 280
BINS = 50
SIDE = 400
"""Of the plane: as much across as up, so that a circle is round."""
MOST_DOTS = 4000
MOST_NAMES = 20
"""Classes whose names are written beside their points."""


def can_draw(shape: Sequence[int], dtype: str) -> bool:
    """Whether examples of this shape and type are numbers or points in the plane."""
    return tuple(shape) in ((1,), (2,)) and dtype.startswith("float")


def draw(title: str, points: Tensor, labels: Tensor, classes: Sequence[str]) -> Image.Image:
    """A histogram of points (N, 1), a scatter of points (N, 2) coloured by their labels (N,)."""
    points = points.double().cpu()
    if points.shape[1] == 1:
        return histogram(title, points[:, 0])
    return scatter(title, points, labels.cpu(), classes)


def histogram(title: str, numbers: Tensor) -> Image.Image:
    """How many of the numbers (N,) fall into each of BINS bins of one width."""
    low, high = span((float(numbers.min()), float(numbers.max())))
    counts = torch.histc(numbers, BINS, low, high).tolist()
    page = blank(WIDTH, HEIGHT)
    chart = Chart(page, (0, 0, WIDTH, HEIGHT), (low, high), span([0.0, *counts]))
    chart.frame(title, f"value, {len(numbers):,} examples in {BINS} bins")
    width = (high - low) / BINS
    for number, count in enumerate(counts):
        left, top = chart.place((low + number * width, count))
        right, bottom = chart.place((low + (number + 1) * width, 0.0))
        chart.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], COLOURS[0])
    return page.reduce(SHARPNESS)


def scatter(title: str, points: Tensor, labels: Tensor, classes: Sequence[str]) -> Image.Image:
    """Points (N, 2), at most MOST_DOTS of them, evenly picked; a class's name at its middle."""
    step = -(-len(points) // MOST_DOTS)
    lowest, highest = points.amin(0), points.amax(0)
    centre = (lowest + highest) / 2
    reach = 0.55 * float((highest - lowest).max()) or 0.5
    width, height = SIDE + LEFT + RIGHT, SIDE + TOP + BOTTOM
    page = blank(width, height)
    xs, ys = ((float(c) - reach, float(c) + reach) for c in centre)
    chart = Chart(page, (0, 0, width, height), xs, ys)
    shown = points[::step]
    chart.frame(title, f"{len(shown):,} of {len(points):,} examples", lines=True)
    for point, label in zip(shown.tolist(), labels[::step].tolist(), strict=True):
        colour = COLOURS[label % len(COLOURS)] if label >= 0 else COLOURS[0]
        chart.dot(chart.place((point[0], point[1])), 1.2, (*colour, 110))
    for label, name in enumerate(classes[:MOST_NAMES]):
        own = points[labels == label]
        if len(own):
            x, y = chart.place((float(own[:, 0].mean()), float(own[:, 1].mean())))
            chart.text(x + 10, y - 10, name, 13, INK, "mm")
    return page.reduce(SHARPNESS)
