"""Histograms as pictures: how many of some numbers fall into each bin, one panel beside another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from rockfall.display.chart import COLOURS, SHARPNESS, Chart, Point, blank, span

WIDTH, HEIGHT = 460, 280
BINS = 50
LEAST = 0.7
"""Where a logarithmic axis begins, so that a bin of one is seen."""


class Panel(NamedTuple):
    """A chart of numbers (N,), in bins from one end of `reach` to the other.

    across: what the numbers are. logarithmic: each tenfold count is as far up as the one before.
    """

    title: str
    across: str
    numbers: Tensor
    reach: Point
    logarithmic: bool = False


def draw(panels: Sequence[Panel]) -> Image.Image:
    """The panels from left to right."""
    page = blank(len(panels) * WIDTH, HEIGHT)
    for number, panel in enumerate(panels):
        _draw(page, (number * WIDTH, 0, WIDTH, HEIGHT), panel)
    return page.reduce(SHARPNESS)


def _draw(page: Image.Image, box: tuple[int, int, int, int], panel: Panel) -> None:
    low, high = panel.reach
    counts = torch.histc(panel.numbers.double().cpu(), BINS, low, high).tolist()
    ups, floor = counts, 0.0
    if panel.logarithmic:
        floor = math.log10(LEAST)
        ups = [math.log10(max(count, LEAST)) for count in counts]
    chart = Chart(page, box, (low, high), span([floor, *ups]))
    chart.frame(panel.title, f"{panel.across}, in {BINS} bins", powers=panel.logarithmic)
    width = (high - low) / BINS
    for number, up in enumerate(ups):
        left, top = chart.place((low + number * width, up))
        right, bottom = chart.place((low + (number + 1) * width, floor))
        chart.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], COLOURS[0])
