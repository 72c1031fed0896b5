"""Where pixels lie, at any size."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rockfall_canvas.coordinates import Canvas


def test_the_middles_of_pixels_row_by_row() -> None:
    places = Canvas.of(2, 4).places(torch.arange(8), 2, 4)
    x, y = places.unbind(1)
    assert places.dtype == torch.float32
    assert x.tolist() == [-0.75, -0.25, 0.25, 0.75] * 2
    assert y.tolist() == [-0.25] * 4 + [0.25] * 4


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 200), st.integers(1, 200))
def test_any_size_covers_the_same_canvas(h: int, w: int, height: int, width: int) -> None:
    canvas = Canvas.of(h, w)
    assert max(canvas) == 1
    places = canvas.places(torch.arange(height * width), height, width).double()
    x, y = places[:, 0].view(height, width), places[:, 1].view(height, width)
    for values, side, extent in ((x[0], width, canvas.width), (y[:, 0], height, canvas.height)):
        edges = values[0] - extent / side, values[-1] + extent / side
        assert torch.stack(edges).tolist() == pytest.approx([-extent, extent], abs=1e-5)
        steps = values.diff()
        assert torch.allclose(steps, torch.full_like(steps, 2 * extent / side), atol=1e-5)


def test_neighbours_differ_in_the_largest_painting() -> None:
    last = 8000 * 8000 - 1
    places = Canvas.of(8000, 8000).places(torch.tensor([last - 8001, last - 1, last]), 8000, 8000)
    apart = (places - places[2]).abs()
    assert apart[0].tolist() == pytest.approx([1 / 4000] * 2, rel=1e-3)
    assert apart[1].tolist() == pytest.approx([1 / 4000, 0], rel=1e-3)
