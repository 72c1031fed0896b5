"""Pictures of any size reach a network's size by the stated rule, and no other way."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from rockfall_vision.inputs import ResizeAndPad


def test_28_is_padded_by_two_and_not_blurred() -> None:
    pictures = torch.rand(3, 1, 28, 28)
    padded = ResizeAndPad((1, 28, 28), 32)(pictures)
    assert padded.shape == (3, 1, 32, 32)
    assert torch.equal(padded[..., 2:-2, 2:-2], pictures)
    assert torch.equal(padded[..., 0, 2:-2], pictures[..., 0, :])
    assert torch.equal(padded[..., 2:-2, -1], pictures[..., :, -1])


@pytest.mark.parametrize("side", [1, 8, 27])
def test_small_ones_are_enlarged(side: int) -> None:
    pictures = torch.rand(2, 3, side, side)
    expected = F.interpolate(pictures, (32, 32), mode="bilinear")
    torch.testing.assert_close(ResizeAndPad((3, side, side), 32)(pictures), expected)


def test_large_ones_are_reduced_with_antialiasing() -> None:
    stripes = torch.zeros(1, 1, 128, 128)
    stripes[..., ::2] = 1
    reduced = ResizeAndPad((1, 128, 128), 32)(stripes)
    assert reduced.shape == (1, 1, 32, 32)
    assert (reduced[..., 2:-2] - 0.5).abs().max() < 0.05  # without antialiasing: 0 or 1


def test_a_size_that_the_network_takes_is_not_changed() -> None:
    for shape in ((1, 16, 16), (3, 33, 64)):
        pictures = torch.rand(2, *shape)
        assert ResizeAndPad(shape, 16, 64)(pictures) is pictures


def test_height_and_width_are_scaled_alike_and_the_rest_is_padded() -> None:
    wide = torch.rand(1, 1, 16, 64)
    fitted = ResizeAndPad((1, 16, 64), 32)(wide)
    assert fitted.shape == (1, 1, 32, 32)
    expected = F.interpolate(wide, (8, 32), mode="bilinear", antialias=True)
    torch.testing.assert_close(fitted[..., 12:20, :], expected)
    assert torch.equal(fitted[..., 0, :], fitted[..., 12, :])


@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    smallest=st.integers(1, 40),
    extra=st.integers(0, 40),
)
def test_both_sides_end_between_smallest_and_largest(
    height: int, width: int, smallest: int, extra: int
) -> None:
    try:
        fit = ResizeAndPad((1, height, width), smallest, smallest + extra)
    except ValueError:
        assert max(height, width) > min(height, width) * (smallest + extra)
        return
    fitted = fit(torch.full((1, 1, height, width), 0.5))
    assert all(smallest <= side <= smallest + extra for side in fitted.shape[2:])
    torch.testing.assert_close(fitted, torch.full_like(fitted, 0.5))


@pytest.mark.parametrize(
    ("shape", "said"),
    [((1, 1, 500), "1 × 500 are too long"), ((7,), "not inputs of shape")],
)
def test_shapes_that_no_rule_covers_are_refused(shape: tuple[int, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ResizeAndPad(shape, 32)
