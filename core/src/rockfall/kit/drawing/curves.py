"""Line charts as pictures, drawn with Pillow: learning curves, one panel a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from PIL import Image

from rockfall.kit.drawing.chart import COLOURS, SHARPNESS, TOP, Chart, Point, blank, span
from rockfall.kit.drawing.colours import INK

WIDTH, HEIGHT = 460, 280
LEGEND_LINE = 18
SPLITS = ("train", "validation")
MOST_POINTS = 160
"""A longer curve is drawn as the means of so many stretches, over a band of their extremes."""


class Curve(NamedTuple):
    """Points (x, y) under a name."""

    name: str
    points: Sequence[Point]


class Panel(NamedTuple):
    """A chart of its own; `across` says what is counted from left to right."""

    title: str
    across: str
    curves: Sequence[Curve]


def learning_curves(metrics: Mapping[str, Sequence[Point]], across: str = "step") -> list[Panel]:
    """A panel a metric; but `train loss` and `validation loss` share one, `loss`, and so
    does any other pair, as what tells of overfitting is the gap between the two.
    """
    panels: dict[str, list[Curve]] = {}
    for name, points in metrics.items():
        split, _, of = name.partition(" ")
        paired = split in SPLITS and all(f"{each} {of}" in metrics for each in SPLITS)
        panels.setdefault(of if paired else name, []).append(Curve(name, points))
    return [Panel(title, across, found) for title, found in panels.items()]


def curves(panels: Sequence[Panel], columns: int = 2) -> Image.Image:
    """The panels as one picture, row by row; a legend where a panel has several curves."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    height = HEIGHT + max(_legend_height(panel) for panel in panels)
    page = blank(columns * WIDTH, rows * height)
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        _draw(page, (column * WIDTH, row * height, WIDTH, height), panel)
    return page.reduce(SHARPNESS)


def _draw(page: Image.Image, box: tuple[int, int, int, int], panel: Panel) -> None:
    points = [point for curve in panel.curves for point in curve.points]
    xs = span([0.0, *(across for across, _ in points)])
    ys = span([up for _, up in points], 0.06)
    chart = Chart(page, box, xs, ys, above=_legend_height(panel))
    chart.frame(panel.title, panel.across)
    for number, curve in enumerate(panel.curves):
        _curve(chart, curve, COLOURS[number % len(COLOURS)])
    if len(panel.curves) > 1:
        _legend(chart, panel)


def _curve(chart: Chart, curve: Curve, colour: tuple[int, int, int]) -> None:
    means, lows, highs = _stretches(sorted(curve.points))
    if len(curve.points) > len(means):
        outline = [chart.place(p) for p in (*lows, *reversed(highs))]
        chart.polygon(outline, (*colour, 45))
    path = [chart.place(point) for point in means]
    chart.line(path, colour, 1.8)
    if len(path) <= 30:
        for point in path:
            chart.dot(point, 2.5, colour)


def _legend(chart: Chart, panel: Panel) -> None:
    for number, curve in enumerate(panel.curves):
        x = chart.left + number % 2 * (chart.right - chart.left) / 2
        y = chart.y + TOP + 4 + number // 2 * LEGEND_LINE
        chart.line([(x, y), (x + 18, y)], COLOURS[number % len(COLOURS)], 3)
        name = curve.name if len(curve.name) <= 24 else curve.name[:23] + "…"
        chart.text(x + 24, y, name, 11, INK, "lm")


def _legend_height(panel: Panel) -> int:
    return -(-len(panel.curves) // 2) * LEGEND_LINE if len(panel.curves) > 1 else 0


def _stretches(points: Sequence[Point]) -> tuple[list[Point], list[Point], list[Point]]:
    """Means, lows and highs of at most MOST_POINTS stretches."""
    count = min(len(points), MOST_POINTS)
    means, lows, highs = [], [], []
    for number in range(count):
        part = points[len(points) * number // count : len(points) * (number + 1) // count]
        ups = [up for _, up in part]
        across = sum(x for x, _ in part) / len(part)
        means.append((across, sum(ups) / len(ups)))
        lows.append((across, min(ups)))
        highs.append((across, max(ups)))
    return means, lows, highs
