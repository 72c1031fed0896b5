"""The frame of a chart: a title, axes with round numbers, and points placed between them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

from rockfall.kit.drawing.colours import FAINT, GRID, INK, PAPER
from rockfall.kit.drawing.lettering import font

LEFT, RIGHT, TOP, BOTTOM = 60, 16, 34, 42
"""What surrounds the plot: numbers, title."""
SHARPNESS = 3
"""Drawn so much larger and then reduced, which smooths every edge."""
COLOURS = (  # Okabe and Ito's, which the colour-blind can tell apart
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
)

Point = tuple[float, float]
Colour = tuple[int, ...]
"""Red, green, blue, and how opaque it is, if not wholly."""


def blank(width: int, height: int) -> Image.Image:
    """A page to draw charts on, to be reduced by SHARPNESS in the end."""
    return Image.new("RGB", (width * SHARPNESS, height * SHARPNESS), PAPER)


class Chart:
    """A chart in a box of a page; every length is in pixels of the reduced picture."""

    def __init__(
        self,
        page: Image.Image,
        box: tuple[int, int, int, int],
        xs: Point,
        ys: Point,
        above: int = 0,
    ) -> None:
        """box: left, top, width, height. xs, ys: from … to. above: room between title and plot."""
        self.pen = ImageDraw.Draw(page, "RGBA")
        self.x, self.y, width, height = box
        self.left, self.right = self.x + LEFT, self.x + width - RIGHT
        self.top, self.bottom = self.y + TOP + above, self.y + height - BOTTOM
        self.xs, self.ys = xs, ys

    def frame(
        self,
        title: str,
        across: str,
        *,
        lines: bool = False,
        powers: bool = False,
        places: Sequence[tuple[float, str]] | None = None,
    ) -> None:
        """The title, the axes, and what is counted from left to right; `lines` for the x axis.

        powers: ys are powers of ten. places: what is written at which x, in the place of round
            numbers.
        """
        self.text(self.x + 14, self.y + 10, title, 15, INK, "la")
        for value in ticks(*self.ys, 5):
            if powers and value % 1:
                continue
            _, y = self.place((self.xs[0], value))
            self.line([(self.left, y), (self.right, y)], GRID, 1)
            self.text(self.left - 7, y, short(10**value if powers else value), 11, FAINT, "rm")
        if places is None:
            places = [(value, short(value)) for value in ticks(*self.xs, 6)]
        for value, text in places:
            x, _ = self.place((value, self.ys[0]))
            if lines:
                self.line([(x, self.top), (x, self.bottom)], GRID, 1)
            self.line([(x, self.bottom), (x, self.bottom + 4)], FAINT, 1)
            self.text(x, self.bottom + 8, text, 11, FAINT, "ma")
        self.line([(self.left, self.bottom), (self.right, self.bottom)], FAINT, 1)
        self.text(self.right, self.bottom + 23, across, 11, FAINT, "ra")

    def place(self, point: Point) -> Point:
        """Where on the page a point lies."""
        across = (point[0] - self.xs[0]) / (self.xs[1] - self.xs[0])
        up = (point[1] - self.ys[0]) / (self.ys[1] - self.ys[0])
        return (
            self.left + across * (self.right - self.left),
            self.bottom - up * (self.bottom - self.top),
        )

    def line(self, path: Sequence[Point], colour: Colour, width: float) -> None:
        self.pen.line(_scaled(path), colour, round(width * SHARPNESS), joint="curve")

    def polygon(self, outline: Sequence[Point], colour: Colour) -> None:
        self.pen.polygon(_scaled(outline), fill=colour)

    def dot(self, centre: Point, radius: float, colour: Colour) -> None:
        x, y = centre
        corners = [(x - radius, y - radius), (x + radius, y + radius)]
        self.pen.ellipse(_scaled(corners), fill=colour)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: int,
        colour: Colour,
        anchor: str,
        halo: Colour | None = None,
    ) -> None:
        """halo: a colour around the letters, where they lie upon something."""
        letters = font(size * SHARPNESS, text)
        place, width = (x * SHARPNESS, y * SHARPNESS), 2 * SHARPNESS if halo else 0
        self.pen.text(
            place, text, colour, letters, anchor=anchor, stroke_width=width, stroke_fill=halo
        )


def span(values: Sequence[float], margin: float = 0.0) -> Point:
    """From lowest to highest and a margin; never empty."""
    low, high = min(values), max(values)
    if low == high:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    return low - margin * (high - low), high + margin * (high - low)


def ticks(low: float, high: float, count: int) -> list[float]:
    """About so many round numbers between low and high."""
    least = 0.75 * (high - low) / count
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * nice for nice in (1, 2, 5, 10) if power * nice >= least)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def short(value: float) -> str:
    """`0.25`, `1500`, `20k`, `1.6M`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.4g}{letter}"
    return f"{value:.4g}"


def _scaled(path: Sequence[Point]) -> list[Point]:
    return [(x * SHARPNESS, y * SHARPNESS) for x, y in path]
