"""The closed form beside the squared error itself, computed pixel by pixel, and a search."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rockfall_canvas.colour_least_squares import fit_colours, sufficient_statistics

PIXELS = 60
BOUNDS = (0.1, 0.9)


def scene(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Residual (3, P), transmittance (P,), backdrop (3, P) and a mask (P,)."""
    g = torch.Generator().manual_seed(seed)
    residual = torch.rand(3, PIXELS, generator=g) - 0.5
    transmittance, backdrop = torch.rand(PIXELS, generator=g), torch.rand(3, PIXELS, generator=g)
    mask = torch.rand(PIXELS, generator=g) < 0.6
    return tuple(t.double() for t in (residual, transmittance, backdrop, mask))


def change(
    colour: Tensor, residual: Tensor, transmittance: Tensor, backdrop: Tensor, mask: Tensor
) -> float:
    """By how much a polygon of `colour` (4,) changes the squared error."""
    added = mask * colour[3] * transmittance * (colour[:3, None] - backdrop)
    return float((residual - added).square().sum() - residual.square().sum())


@pytest.mark.parametrize("seed", range(5))
def test_the_change_is_that_of_the_squared_error(seed: int) -> None:
    residual, transmittance, backdrop, mask = scene(seed)
    sums = sufficient_statistics(residual, transmittance, backdrop) @ mask
    colours, changes = fit_colours(sums, torch.rand(4).double(), *BOUNDS)
    assert float(changes) == pytest.approx(change(colours, residual, transmittance, backdrop, mask))


@pytest.mark.parametrize("seed", range(5))
def test_no_other_colour_of_that_opacity_and_then_no_other_opacity_is_better(seed: int) -> None:
    parts = scene(seed)
    sums = sufficient_statistics(*parts[:3]) @ parts[3]
    given = torch.tensor([0.5, 0.5, 0.5, 0.4]).double()
    colour, _ = fit_colours(sums, given, 0.4, 0.4)
    for channel in range(3):
        for level in torch.linspace(0, 1, 101):
            other = colour.clone()
            other[channel] = level
            assert change(other, *parts) >= change(colour, *parts) - 1e-9
    colour, _ = fit_colours(sums, given, *BOUNDS)
    for opacity in torch.linspace(*BOUNDS, 101):
        other = colour.clone()
        other[3] = opacity
        assert change(other, *parts) >= change(colour, *parts) - 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_never_worse_than_the_colour_that_it_was_given(seed: int) -> None:
    parts = scene(seed)
    sums = sufficient_statistics(*parts[:3]) @ parts[3]
    given = torch.rand(50, 4, generator=torch.Generator().manual_seed(seed)).double()
    given[:, 3] = given[:, 3].clamp(*BOUNDS)
    colours, changes = fit_colours(sums.expand(50, -1), given, *BOUNDS)
    assert (changes <= torch.tensor([change(c, *parts) for c in given]) + 1e-9).all()
    assert colours.min() >= 0 and colours[:, :3].max() <= 1
    assert colours[:, 3].min() >= BOUNDS[0] and colours[:, 3].max() <= BOUNDS[1]


def test_an_invisible_polygon_keeps_its_colour_and_changes_nothing() -> None:
    given = torch.tensor([0.2, 0.4, 0.6, 0.5])
    colour, by = fit_colours(torch.zeros(9), given, *BOUNDS)
    assert torch.equal(colour, given)
    assert by == 0
