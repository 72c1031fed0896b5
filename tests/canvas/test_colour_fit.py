"""The closed form beside the squared error itself, computed pixel by pixel, and a search."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rockfall_canvas.colour_fit import fitted, terms

PIXELS = 60
BOUNDS = (0.1, 0.9)


def scene(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What is lacking (3, P), what is let through (P,), what lies below (3, P), a mask (P,)."""
    g = torch.Generator().manual_seed(seed)
    lacking = torch.rand(3, PIXELS, generator=g) - 0.5
    through, below = torch.rand(PIXELS, generator=g), torch.rand(3, PIXELS, generator=g)
    mask = torch.rand(PIXELS, generator=g) < 0.6
    return tuple(t.double() for t in (lacking, through, below, mask))


def change(colour: Tensor, lacking: Tensor, through: Tensor, below: Tensor, mask: Tensor) -> float:
    """By how much a polygon of `colour` (4,) changes the squared error."""
    added = mask * colour[3] * through * (colour[:3, None] - below)
    return float((lacking - added).square().sum() - lacking.square().sum())


@pytest.mark.parametrize("seed", range(5))
def test_the_change_is_that_of_the_squared_error(seed: int) -> None:
    lacking, through, below, mask = scene(seed)
    sums = terms(lacking, through, below) @ mask
    colours, changes = fitted(sums, torch.rand(4).double(), *BOUNDS)
    assert float(changes) == pytest.approx(change(colours, lacking, through, below, mask))


@pytest.mark.parametrize("seed", range(5))
def test_no_other_colour_of_that_opacity_and_then_no_other_opacity_is_better(seed: int) -> None:
    parts = scene(seed)
    sums = terms(*parts[:3]) @ parts[3]
    given = torch.tensor([0.5, 0.5, 0.5, 0.4]).double()
    colour, _ = fitted(sums, given, 0.4, 0.4)
    for channel in range(3):
        for level in torch.linspace(0, 1, 101):
            other = colour.clone()
            other[channel] = level
            assert change(other, *parts) >= change(colour, *parts) - 1e-9
    colour, _ = fitted(sums, given, *BOUNDS)
    for opacity in torch.linspace(*BOUNDS, 101):
        other = colour.clone()
        other[3] = opacity
        assert change(other, *parts) >= change(colour, *parts) - 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_never_worse_than_the_colour_that_it_was_given(seed: int) -> None:
    parts = scene(seed)
    sums = terms(*parts[:3]) @ parts[3]
    given = torch.rand(50, 4, generator=torch.Generator().manual_seed(seed)).double()
    given[:, 3] = given[:, 3].clamp(*BOUNDS)
    colours, changes = fitted(sums.expand(50, -1), given, *BOUNDS)
    assert (changes <= torch.tensor([change(c, *parts) for c in given]) + 1e-9).all()
    assert colours.min() >= 0 and colours[:, :3].max() <= 1
    assert colours[:, 3].min() >= BOUNDS[0] and colours[:, 3].max() <= BOUNDS[1]


def test_what_is_not_to_be_seen_keeps_its_colour_and_changes_nothing() -> None:
    given = torch.tensor([0.2, 0.4, 0.6, 0.5])
    colour, by = fitted(torch.zeros(9), given, *BOUNDS)
    assert torch.equal(colour, given)
    assert by == 0
