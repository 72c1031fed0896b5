"""Digits as strokes of a pen: each has a few ways in which people write it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

Point = tuple[float, float]
Stroke = list[Point]


def _arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> Stroke:
    """Part of an ellipse; degrees, clockwise on the page, from the right."""
    angles = np.radians(np.linspace(start, end, max(3, round(abs(end - start) / 20))))
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]


WAYS: dict[int, list[list[Stroke]]] = {
    0: [[_arc(0.5, 0.5, 0.32, 0.5, -70, 290)], [_arc(0.5, 0.5, 0.4, 0.48, -100, 265)]],
    1: [[[(0.5, 0), (0.5, 1)]], [[(0.32, 0.2), (0.52, 0), (0.52, 1)]]],
    2: [
        [[*_arc(0.5, 0.28, 0.32, 0.28, -170, 30), (0.15, 1), (0.9, 1)]],
        [[*_arc(0.5, 0.3, 0.36, 0.3, -160, 45), (0.5, 0.78), (0.1, 0.97), (0.92, 0.95)]],
    ],
    3: [
        [[*_arc(0.45, 0.26, 0.33, 0.26, -150, 80), *_arc(0.45, 0.75, 0.38, 0.26, -80, 150)]],
        [[(0.15, 0.03), (0.8, 0.0), (0.45, 0.4), *_arc(0.45, 0.7, 0.36, 0.3, -70, 150)]],
    ],
    4: [
        [[(0.3, 0), (0.1, 0.6), (0.9, 0.6)], [(0.68, 0.2), (0.66, 1)]],
        [[(0.68, 1), (0.7, 0), (0.08, 0.68), (0.95, 0.68)]],
    ],
    5: [
        [
            [(0.22, 0.02), (0.2, 0.42), *_arc(0.46, 0.68, 0.36, 0.31, -110, 140)],
            [(0.22, 0.02), (0.82, 0)],
        ],
        [[(0.85, 0), (0.25, 0.02), (0.2, 0.45), *_arc(0.45, 0.7, 0.38, 0.3, -100, 150)]],
    ],
    6: [
        [[(0.72, 0), (0.4, 0.2), (0.2, 0.55), *_arc(0.5, 0.73, 0.32, 0.27, 180, -180)]],
        [[(0.6, 0), (0.3, 0.3), *_arc(0.5, 0.72, 0.33, 0.28, -190, -540)]],
    ],
    7: [
        [[(0.1, 0.02), (0.88, 0), (0.4, 1)]],
        [[(0.1, 0.02), (0.88, 0), (0.4, 1)], [(0.35, 0.5), (0.85, 0.48)]],
    ],
    8: [
        [[*_arc(0.5, 0.25, 0.27, 0.25, 90, 450), *_arc(0.5, 0.75, 0.34, 0.25, -90, 270)]],
        [_arc(0.5, 0.25, 0.28, 0.25, 0, 360), _arc(0.5, 0.74, 0.34, 0.26, 0, 360)],
    ],
    9: [
        [[*_arc(0.46, 0.28, 0.31, 0.28, 0, -360), (0.76, 0.6), (0.7, 1)]],
        [[*_arc(0.48, 0.28, 0.32, 0.28, -20, -370), (0.78, 0.5), (0.55, 1)]],
    ],
}
"""Strokes of each way, x and y from 0, 0 at the upper left to 1, 1."""
CORNERS = (1, 4, 7)
"""Digits of straight strokes; the points of others are joined by a curve, apart from their arcs."""


class Drawn(NamedTuple):
    """coverage: (H, W), 0 … 1, how much of each pixel is ink. pen: its width in pixels. box: left,
    upper, right and lower of the digit.
    """

    coverage: np.ndarray
    pen: float
    box: tuple[int, int, int, int]


def draw(label: int, rng: np.random.Generator) -> Drawn:
    """A digit in some hand, somewhere on a page of some size."""
    height, width = (int(rng.integers(180, 420)) for _ in range(2))
    tall = rng.uniform(0.35, 0.75) * min(height, width)
    wide = tall * rng.uniform(0.55, 0.8)
    pen = tall * rng.uniform(0.05, 0.13)
    turn, slant = np.radians(rng.uniform(-8, 8)), rng.uniform(-0.2, 0.1)
    cos, sin = math.cos(turn), math.sin(turn)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[wide, -slant * tall], [0, tall]])
    ways = WAYS[label]
    strokes = [np.asarray(each) for each in ways[rng.integers(len(ways))]]
    strokes = [each + rng.normal(0, 0.012, each.shape) for each in strokes]
    placed = [(_smooth(each) if label not in CORNERS else each) @ matrix.T for each in strokes]
    points = np.concatenate(placed)
    low, high = points.min(0) - pen / 2, points.max(0) + pen / 2
    room = np.array((width, height)) - (high - low)
    corner = low - room * rng.uniform(0.15, 0.85, 2)
    return _rendered([each - corner for each in placed], pen, height, width)


def _smooth(points: np.ndarray) -> np.ndarray:
    """Corner cutting: Chaikin 1974."""
    for _ in range(2):
        cut = np.stack(
            (0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]), 1
        )
        points = np.concatenate((points[:1], cut.reshape(-1, 2), points[-1:]))
    return points


def _rendered(strokes: list[np.ndarray], pen: float, height: int, width: int) -> Drawn:
    finer = 3
    page = Image.new("L", (width * finer, height * finer))
    pencil = ImageDraw.Draw(page)
    for stroke in strokes:
        line = [tuple(point) for point in stroke * finer]
        pencil.line(line, 255, round(pen * finer), joint="curve")
        for x, y in line:
            half = pen * finer / 2
            pencil.ellipse((x - half, y - half, x + half, y + half), 255)
    small = page.reduce(finer)
    box = small.getbbox()
    assert box
    return Drawn(np.asarray(small, np.float32) / 255, pen, box)
