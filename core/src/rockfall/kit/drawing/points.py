"""Points as pictures: a histogram of those on a line, a scatter of those in the plane."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from rockfall.kit.drawing.chart import (
    BOTTOM,
    COLOURS,
    LEFT,
    RIGHT,
    SHARPNESS,
    TOP,
    Chart,
    Point,
    blank,
    span,
)
from rockfall.kit.drawing.colours import INK, PAPER
from rockfall.kit.drawing.histogram import Histogram, histograms
from rockfall.kit.drawing.layout import beside

SIDE = 400
"""Of the plane: as much across as up, so that a circle is round."""
MOST_DOTS = 4000
SMALLEST_DOT, LARGEST_DOT = 1.2, 3.0
DENSITY = 0.19
"""A dot's radius as a share of the side that each had if all were laid out in a square."""
MOST_NAMES = 20
"""Classes whose names are written beside their points."""
ROOM = 0.25
"""What is left free around the data where made points may lie beyond, as a share of its extent."""
CLASS_COLOURS = (*COLOURS, (136, 34, 85), (153, 153, 51), (51, 34, 136), (100, 100, 108))
"""Ten, since more could not be distinguished."""

Plane = tuple[Point, Point]
"""From where to where it goes across, and up."""


def are_points(shape: Sequence[int], dtype: str) -> bool:
    """Whether examples of this shape and type are numbers or points in the plane."""
    return tuple(shape) in ((1,), (2,)) and dtype.startswith("float")


def draw_points(title: str, points: Tensor, labels: Tensor, classes: Sequence[str]) -> Image.Image:
    """A histogram of points (N, 1), a scatter of points (N, 2) coloured by their labels (N,)."""
    points = points.double().cpu()
    if points.shape[1] == 1:
        numbers = points[:, 0]
        reach = span((float(numbers.min()), float(numbers.max())))
        across = f"value, {len(numbers):,} examples"
        return histograms([Histogram(title, across, numbers, reach)])
    return scatter(title, points, labels, classes)


def compare_points(generated: Tensor, data: Tensor) -> Image.Image:
    """Generated points, (N, 1) or (N, 2), beside those of the data, (M, 1) or (M, 2).

    What is shown goes by the data alone, so that the pictures of one training fit on one another;
    how many points lie beyond is said.
    """
    generated, data = generated.double().cpu(), data.double().cpu()
    if data.shape[1] == 1:
        numbers = data[:, 0]
        reach = span((float(numbers.min()), float(numbers.max())), ROOM)
        away = int(((generated < reach[0]) | (generated > reach[1])).sum())
        mean, variance = float(generated.mean()), float(generated.var(correction=0))
        title = f"generated: mean {mean:.3g}, variance {variance:.3g}"
        across = f"{len(generated):,} generated{_beyond(away)}, outlined: the data"
        return histograms([Histogram(title, across, generated[:, 0], reach, beside=numbers)])
    plane = plane_of(data, ROOM)
    (left, right), (low, high) = plane
    xs, ys = generated.unbind(1)
    inside = (xs >= left) & (xs <= right) & (ys >= low) & (ys <= high)
    title = f"generated{_beyond(int((~inside).sum()))}"
    return beside(
        [
            scatter(title, generated[inside], plane=plane),
            scatter("the data", data, plane=plane),
        ],
        0,
    )


def scatter(
    title: str,
    points: Tensor,
    labels: Tensor | None = None,
    classes: Sequence[str] = (),
    *,
    plane: Plane | None = None,
    side: int = SIDE,
) -> Image.Image:
    """Points (N, 2), at most MOST_DOTS of them, evenly picked; a class's name by one of its own
    points, in the midst of them.

    labels: of each point's class (N,), −1 for none. plane: what is shown; by default all.
    """
    points = points.double().cpu()
    labels = points.new_full((len(points),), -1) if labels is None else labels.cpu()
    step = max(1, -(-len(points) // MOST_DOTS))
    shown = points[::step]
    across = f"{len(shown):,} of {len(points):,} examples"
    page, chart = framed_plane(title, across, plane or plane_of(points), side)
    radius = min(LARGEST_DOT, max(SMALLEST_DOT, DENSITY * side / max(1, len(shown)) ** 0.5))
    for point, label in zip(shown.tolist(), labels[::step].tolist(), strict=True):
        chart.dot(chart.place((point[0], point[1])), radius, (*class_colour(int(label)), 130))
    for label, name in enumerate(classes[:MOST_NAMES]):
        own = points[labels == label]
        if len(own):
            # On one of its own points: the mean of two clusters may lie in another class.
            nearest = (own - own.median(0).values).norm(dim=1).argmin()
            x, y = chart.place((float(own[nearest, 0]), float(own[nearest, 1])))
            chart.text(x + 10, y - 10, name, 13, INK, "mm", PAPER)
    return page.reduce(SHARPNESS)


def plane_of(points: Tensor, room: float = 0.05) -> Plane:
    """A square that holds points (N, 2), and on each side so large a share of its own besides."""
    lowest, highest = points.amin(0), points.amax(0)
    reach = (0.5 + room) * float((highest - lowest).max())
    # So small a reach would be lost in rounding beside the coordinates, and the square be empty.
    if reach <= max(1e-12 * float(points.abs().max()), 1e-300):
        reach = 0.5
    across, up = ((float(c) - reach, float(c) + reach) for c in (lowest + highest) / 2)
    return across, up


def framed_plane(title: str, across: str, plane: Plane, side: int) -> tuple[Image.Image, Chart]:
    """A page, to be reduced by SHARPNESS, and an empty chart of the plane on it."""
    width, height = side + LEFT + RIGHT, side + TOP + BOTTOM
    page = blank(width, height)
    chart = Chart(page, (0, 0, width, height), *plane)
    chart.frame(title, across, lines=True)
    return page, chart


def class_colour(label: int) -> tuple[int, int, int]:
    """Of a class by its label; −1 is none."""
    return CLASS_COLOURS[max(0, label) % len(CLASS_COLOURS)]


def _beyond(count: int) -> str:
    return f", {count:,} of them beyond" if count else ""
