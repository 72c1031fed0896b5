"""Points as pictures: a histogram of those on a line, a scatter of those in the plane."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from rockfall.display import histogram
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
        numbers = points[:, 0]
        reach = span((float(numbers.min()), float(numbers.max())))
        across = f"value, {len(numbers):,} examples"
        return histogram.draw([histogram.Panel(title, across, numbers, reach)])
    return scatter(title, points, labels.cpu(), classes)


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
