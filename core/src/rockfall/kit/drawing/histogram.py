"""Histograms as pictures: how many of some numbers fall into each bin, one panel beside another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from rockfall.kit.drawing.chart import COLOURS, SHARPNESS, Chart, Point, blank, span

WIDTH, HEIGHT = 460, 280
BINS = 50
LEAST = 0.7
"""Where a logarithmic axis begins, so that a bin of one is seen."""


class Histogram(NamedTuple):
    """A chart of numbers (N,), in bins from one end of `reach` to the other.

    across: what the numbers are. logarithmic: each tenfold count is as far up as the one before.
    beside: other numbers (M,), whose bins are outlined, as many of them as there are numbers.
    """

    title: str
    across: str
    numbers: Tensor
    reach: Point
    logarithmic: bool = False
    beside: Tensor | None = None


def histograms(panels: Sequence[Histogram]) -> Image.Image:
    """The panels from left to right."""
    page = blank(len(panels) * WIDTH, HEIGHT)
    for number, panel in enumerate(panels):
        _draw(page, (number * WIDTH, 0, WIDTH, HEIGHT), panel)
    return page.reduce(SHARPNESS)


def _draw(page: Image.Image, box: tuple[int, int, int, int], panel: Histogram) -> None:
    low, high = panel.reach
    ups = _heights(panel, panel.numbers)
    outline = [] if panel.beside is None else _heights(panel, panel.beside)
    floor = math.log10(LEAST) if panel.logarithmic else 0.0
    chart = Chart(page, box, (low, high), span([floor, *ups, *outline]))
    chart.frame(panel.title, f"{panel.across}, in {BINS} bins", powers=panel.logarithmic)
    width = (high - low) / BINS
    for number, up in enumerate(ups):
        left, top = chart.place((low + number * width, up))
        right, bottom = chart.place((low + (number + 1) * width, floor))
        chart.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], COLOURS[0])
    steps = [
        (low + (place + end) * width, up) for place, up in enumerate(outline) for end in (0, 1)
    ]
    if steps:
        chart.line([chart.place(step) for step in steps], COLOURS[1], 1.8)


def _heights(panel: Histogram, numbers: Tensor) -> list[float]:
    """Of the bins, had there been as many numbers as the panel's own."""
    counts = torch.histc(numbers.double().cpu(), BINS, *panel.reach)
    ups: list[float] = (counts * (len(panel.numbers) / max(1, len(numbers)))).tolist()
    return [math.log10(max(up, LEAST)) for up in ups] if panel.logarithmic else ups
