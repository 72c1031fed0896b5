"""Line charts as pictures, drawn with Pillow: learning curves, one panel a metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw

from rockfall.display.lettering import font

WIDTH, HEIGHT = 460, 280
LEFT, RIGHT, TOP, BOTTOM = 60, 16, 34, 42
"""What surrounds the plot in a panel: numbers, title, legend."""
LEGEND_LINE = 18
MOST_POINTS = 160
"""A longer curve is drawn as the means of so many stretches, over a band of their extremes."""
SHARPNESS = 3
"""Drawn so much larger and then reduced, which smooths every edge."""
PAPER, INK, FAINT, GRID = (255, 255, 255), (40, 40, 46), (110, 110, 120), (228, 228, 233)
COLOURS = (  # Okabe and Ito's, which the colour-blind can tell apart
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
)

Point = tuple[float, float]


class Curve(NamedTuple):
    name: str
    points: Sequence[Point]


class Panel(NamedTuple):
    """A chart of its own; `across` says what is counted from left to right."""

    title: str
    across: str
    curves: Sequence[Curve]


def draw(panels: Sequence[Panel], columns: int = 2) -> Image.Image:
    """The panels as one picture, row by row; a legend where a panel has several curves."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    height = HEIGHT + max(_legend_height(panel) for panel in panels)
    page = Image.new("RGB", (columns * WIDTH * SHARPNESS, rows * height * SHARPNESS), PAPER)
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        _Chart(page, column * WIDTH, row * height, height, panel).draw()
    return page.reduce(SHARPNESS)


class _Chart:
    """One panel on a page; every length is in pixels of the reduced picture."""

    def __init__(self, page: Image.Image, x: int, y: int, height: int, panel: Panel) -> None:
        self.pen = ImageDraw.Draw(page, "RGBA")
        self.x, self.y, self.panel = x, y, panel
        self.left, self.right = x + LEFT, x + WIDTH - RIGHT
        self.top, self.bottom = y + TOP + _legend_height(panel), y + height - BOTTOM
        points = [point for curve in panel.curves for point in curve.points]
        self.xs = _range([0.0, *(across for across, _ in points)], 0.0)
        self.ys = _range([up for _, up in points], 0.06)

    def draw(self) -> None:
        self._text(self.x + 14, self.y + 10, self.panel.title, 15, INK, "la")
        self._axes()
        for number, curve in enumerate(self.panel.curves):
            self._curve(curve, COLOURS[number % len(COLOURS)])
        if len(self.panel.curves) > 1:
            self._legend()

    def _axes(self) -> None:
        for value in _ticks(*self.ys, 5):
            _, y = self._place((self.xs[0], value))
            self._line([(self.left, y), (self.right, y)], GRID, 1)
            self._text(self.left - 7, y, _number(value), 11, FAINT, "rm")
        for value in _ticks(*self.xs, 6):
            x, _ = self._place((value, self.ys[0]))
            self._line([(x, self.bottom), (x, self.bottom + 4)], FAINT, 1)
            self._text(x, self.bottom + 8, _number(value), 11, FAINT, "ma")
        self._line([(self.left, self.bottom), (self.right, self.bottom)], FAINT, 1)
        self._text(self.right, self.bottom + 23, self.panel.across, 11, FAINT, "ra")

    def _curve(self, curve: Curve, colour: tuple[int, int, int]) -> None:
        means, lows, highs = _stretches(sorted(curve.points))
        if len(curve.points) > len(means):
            outline = [self._place(p) for p in (*lows, *reversed(highs))]
            self.pen.polygon(self._scaled(outline), fill=(*colour, 45))
        path = [self._place(point) for point in means]
        self._line(path, colour, 1.8)
        if len(path) <= 30:
            for x, y in path:
                box = self._scaled([(x - 2.5, y - 2.5), (x + 2.5, y + 2.5)])
                self.pen.ellipse(box, fill=colour)

    def _legend(self) -> None:
        for number, curve in enumerate(self.panel.curves):
            x = self.left + number % 2 * (self.right - self.left) / 2
            y = self.y + TOP + 4 + number // 2 * LEGEND_LINE
            self._line([(x, y), (x + 18, y)], COLOURS[number % len(COLOURS)], 3)
            name = curve.name if len(curve.name) <= 24 else curve.name[:23] + "…"
            self._text(x + 24, y, name, 11, INK, "lm")

    def _place(self, point: Point) -> Point:
        across = (point[0] - self.xs[0]) / (self.xs[1] - self.xs[0])
        up = (point[1] - self.ys[0]) / (self.ys[1] - self.ys[0])
        return (
            self.left + across * (self.right - self.left),
            self.bottom - up * (self.bottom - self.top),
        )

    def _line(self, path: Sequence[Point], colour: tuple[int, int, int], width: float) -> None:
        self.pen.line(self._scaled(path), colour, round(width * SHARPNESS), joint="curve")

    def _text(
        self, x: float, y: float, text: str, size: int, colour: tuple[int, int, int], anchor: str
    ) -> None:
        letters = font(size * SHARPNESS, text)
        self.pen.text((x * SHARPNESS, y * SHARPNESS), text, colour, letters, anchor=anchor)

    def _scaled(self, path: Sequence[Point]) -> list[Point]:
        return [(x * SHARPNESS, y * SHARPNESS) for x, y in path]


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


def _range(values: Sequence[float], margin: float) -> tuple[float, float]:
    """From lowest to highest and a margin; never empty."""
    low, high = min(values), max(values)
    if low == high:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    return low - margin * (high - low), high + margin * (high - low)


def _ticks(low: float, high: float, count: int) -> list[float]:
    """About so many round numbers between low and high."""
    least = 0.75 * (high - low) / count
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * nice for nice in (1, 2, 5, 10) if power * nice >= least)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _number(value: float) -> str:
    """`0.25`, `1500`, `20k`, `1.6M`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.4g}{letter}"
    return f"{value:.4g}"
