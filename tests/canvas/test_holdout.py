"""Which pixels the painter never sees."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rockfall_canvas.holdout import Pattern, holdout_mask


def test_none() -> None:
    assert not holdout_mask(3, 4, 0.0, "random").any()


@given(st.integers(5, 60), st.integers(5, 60), st.floats(0.1, 0.9))
def test_random_is_as_many_as_asked(height: int, width: int, share: float) -> None:
    held = holdout_mask(height, width, share, "random")
    assert held.shape == (height * width,)
    assert int(held.sum()) == round(height * width * share)
    assert torch.equal(held, holdout_mask(height, width, share, "random"))


def test_random_is_everywhere() -> None:
    held = holdout_mask(100, 100, 0.2, "random").view(10, 10, 10, 10).float().mean((1, 3))
    assert held.min() > 0.05
    assert held.max() < 0.4


@given(st.integers(10, 60), st.integers(10, 60), st.floats(0.1, 0.9))
def test_a_block_in_the_middle(height: int, width: int, share: float) -> None:
    held = holdout_mask(height, width, share, "block").view(height, width)
    rows, columns = held.any(1).nonzero()[:, 0], held.any(0).nonzero()[:, 0]
    assert bool(held[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all())
    assert int(held.sum()) == len(rows) * len(columns)
    for found, side in ((rows, height), (columns, width)):
        assert len(found) == pytest.approx(share**0.5 * side, abs=0.5)
        before, after = int(found[0]), side - 1 - int(found[-1])
        assert abs(before - after) <= 1


@pytest.mark.parametrize(
    ("height", "width", "share", "pattern", "what"),
    [
        (1, 3, 0.1, "random", "no pixel"),
        (1, 2, 0.9, "random", "all pixels"),
        (2, 2, 0.9, "block", "all pixels"),
        (1, 9, 0.1, "block", "no pixel"),
    ],
)
def test_too_few_pixels(height: int, width: int, share: float, pattern: Pattern, what: str) -> None:
    with pytest.raises(ValueError, match=f"of {width} × {height} pixels holds out {what}"):
        holdout_mask(height, width, share, pattern)
