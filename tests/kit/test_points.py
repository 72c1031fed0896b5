"""Numbers, and points in the plane, as charts beside the data."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rockfall.kit.drawing import compare_points, plane_of
from rockfall.kit.drawing.chart import BOTTOM


@pytest.mark.parametrize("numbers", [1, 2])
def test_axes_go_by_the_data_alone(numbers: int) -> None:
    """What is made early on may be anywhere, but a film must not jump."""
    data = torch.randn(500, numbers, generator=torch.Generator().manual_seed(0))
    pictures = []
    for size in (0.1, 1.0, 1000.0):
        torch.manual_seed(0)
        pictures.append(np.asarray(compare_points(0.3 + size * torch.randn(500, numbers), data)))
    assert len({picture.shape for picture in pictures}) == 1
    foot = slice(-BOTTOM + 4, -BOTTOM + 20)  # the numbers along the axis
    assert all(np.array_equal(picture[foot], pictures[0][foot]) for picture in pictures)
    if numbers == 2:
        half = pictures[0].shape[1] // 2
        assert all(np.array_equal(p[:, half:], pictures[0][:, half:]) for p in pictures)


def test_made_points_that_are_no_numbers_are_drawn_as_none() -> None:
    for numbers in (1, 2):
        data, made = torch.randn(50, numbers), torch.full((50, numbers), torch.nan)
        assert compare_points(made, data).width > 0


@pytest.mark.parametrize("extent", [0.0, 1e-308, 1e-20, 1e-9, 3.0])
def test_a_plane_has_an_extent_however_close_its_points_are(extent: float) -> None:
    points = torch.tensor([[0.0, 1.0], [extent, 1.0]], dtype=torch.double)
    (left, right), (low, high) = plane_of(points)
    assert left < right and low < high
    assert left <= 0 and extent <= right and low < 1 < high
