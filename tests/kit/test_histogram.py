"""Histograms: a bar where the numbers are, as high as they are many."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from rockfall.kit.drawing import points
from rockfall.kit.drawing.chart import BOTTOM, COLOURS, LEFT, RIGHT, TOP
from rockfall.kit.drawing.histogram import BINS, HEIGHT, LEAST, WIDTH, Histogram, histograms


def heights(panels: list[Histogram], number: int = 0) -> np.ndarray:
    """Of the bars of a panel (BINS,), as shares of the plot's height."""
    picture = np.asarray(histograms(panels)).astype(int)[:, number * WIDTH : (number + 1) * WIDTH]
    blue = (np.abs(picture - COLOURS[0]).sum(2) < 60)[TOP : HEIGHT - BOTTOM]
    width = (WIDTH - LEFT - RIGHT) / BINS
    middles = (LEFT + (np.arange(BINS) + 0.5) * width).astype(int)
    return blue[:, middles].sum(0) / len(blue)


def panel(numbers: Tensor, logarithmic: bool = False) -> Histogram:
    return Histogram("title", "numbers", numbers, (0.0, 1.0), logarithmic)


def test_bars_are_as_high_as_the_numbers_are_many() -> None:
    found = heights([panel(torch.tensor([0.01] * 20 + [0.51] * 5 + [0.999] * 10))])
    assert found[[0, 25, 49]] == pytest.approx([1, 0.25, 0.5], abs=0.03)
    assert np.count_nonzero(found > 0.02) == 3


def test_logarithmic_bars() -> None:
    numbers = torch.cat([torch.full((n,), x) for n, x in ((1000, 0.11), (10, 0.51), (1, 0.91))])
    found = heights([panel(numbers, logarithmic=True)])
    low, high = np.log10(LEAST), 3
    wanted = [(np.log10(n) - low) / (high - low) for n in (1000, 10, 1)]
    assert found[[5, 25, 45]] == pytest.approx(wanted, abs=0.03)
    assert found[45] > 0.02, "a bin of one is seen"
    assert np.count_nonzero(found > 0.02) == 3


def test_an_outline_is_of_as_many_as_the_bars() -> None:
    """Half of the numbers in one bin, and a quarter of four times as many others in another."""
    bars = torch.tensor([0.11] * 5 + [0.51] * 5)
    others = torch.tensor([0.31] * 10 + [0.91] * 30)
    drawn = histograms([panel(bars)._replace(beside=others)])
    plot = np.asarray(drawn).astype(int)[TOP : HEIGHT - BOTTOM]
    orange = np.abs(plot - COLOURS[1]).sum(2) < 60
    width = (WIDTH - LEFT - RIGHT) / BINS
    tops = [
        len(plot) - np.flatnonzero(orange[:, int(LEFT + (place + 0.5) * width)])[0]
        for place in (15, 45)
    ]
    assert tops[0] / tops[1] == pytest.approx(2.5 / 7.5, abs=0.03)
    found = heights([panel(bars)._replace(beside=others)])
    assert found[[5, 25]] == pytest.approx([5 / 7.5] * 2, abs=0.03)


def test_panels_stand_side_by_side() -> None:
    both = [panel(torch.full((5,), 0.31)), panel(torch.full((5,), 0.71))]
    assert histograms(both).size == (2 * WIDTH, HEIGHT)
    assert heights(both, 0).argmax() == 15
    assert heights(both, 1).argmax() == 35


@pytest.mark.parametrize("logarithmic", [False, True])
def test_nothing_in_reach(logarithmic: bool) -> None:
    assert heights([panel(torch.tensor([7.0]), logarithmic)]).max() < 0.02


def test_numbers_of_a_dataset_fill_the_chart() -> None:
    numbers = torch.linspace(-3, 5, 1000)[:, None]
    drawn = points.draw_points("numbers", numbers, torch.zeros(1000), ())
    blue = np.abs(np.asarray(drawn).astype(int) - COLOURS[0]).sum(2) < 60
    columns = blue[TOP : HEIGHT - BOTTOM, LEFT + 2 : WIDTH - RIGHT - 2]
    assert columns.any(0).all()
