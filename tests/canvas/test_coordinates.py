"""Where pixels lie, at any size."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rockfall_canvas.coordinates import Extent


def test_the_middles_of_pixels_row_by_row() -> None:
    coordinates = Extent.of(2, 4).coordinates(torch.arange(8), 2, 4)
    x, y = coordinates.unbind(1)
    assert coordinates.dtype == torch.float32
    assert x.tolist() == [-0.75, -0.25, 0.25, 0.75] * 2
    assert y.tolist() == [-0.25] * 4 + [0.25] * 4


@pytest.mark.long
@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 200), st.integers(1, 200))
def test_any_size_covers_the_same_extent(h: int, w: int, height: int, width: int) -> None:
    whole = Extent.of(h, w)
    assert max(whole) == 1
    coordinates = whole.coordinates(torch.arange(height * width), height, width).double()
    x, y = coordinates[:, 0].view(height, width), coordinates[:, 1].view(height, width)
    for values, side, half in ((x[0], width, whole.width), (y[:, 0], height, whole.height)):
        edges = values[0] - half / side, values[-1] + half / side
        assert torch.stack(edges).tolist() == pytest.approx([-half, half], abs=1e-5)
        steps = values.diff()
        assert torch.allclose(steps, torch.full_like(steps, 2 * half / side), atol=1e-5)


def test_neighbours_differ_in_the_largest_painting() -> None:
    last = 8000 * 8000 - 1
    indices = torch.tensor([last - 8001, last - 1, last])
    coordinates = Extent.of(8000, 8000).coordinates(indices, 8000, 8000)
    apart = (coordinates - coordinates[2]).abs()
    assert apart[0].tolist() == pytest.approx([1 / 4000] * 2, rel=1e-3)
    assert apart[1].tolist() == pytest.approx([1 / 4000, 0], rel=1e-3)
