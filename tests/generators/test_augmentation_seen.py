"""What discriminators see: differentiable, alike for real and made, each picture by itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from rockfall_generators.augmentation import augment, colour

NAMES: Any = ("shift", "cutout", "colour")


def pictures(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(shape, generator=generator, dtype=torch.float64) * 1.8 - 0.9


@pytest.mark.parametrize("names", [*((name,) for name in NAMES), NAMES, ()])
@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 4, 16), (1, 1, 1)])
def test_gradients_go_through_and_no_picture_into_another(
    names: Any, shape: tuple[int, ...]
) -> None:
    given = pictures(5, *shape).requires_grad_()
    torch.manual_seed(1)
    seen = augment(given, names)
    assert seen.shape == given.shape
    (slope,) = torch.autograd.grad((seen[2] * pictures(*shape)).sum(), given)
    others = [0, 1, 3, 4]
    assert not slope[others].any()
    direction, eps = pictures(5, *shape), 1e-6
    sides = []
    for sign in (1, -1):
        torch.manual_seed(1)
        moved = augment(given.detach() + sign * eps * direction, names)
        sides.append((moved[2] * pictures(*shape)).sum())
    expected = (sides[0] - sides[1]) / (2 * eps)
    assert torch.allclose((slope * direction).sum(), expected, atol=1e-6)


@pytest.mark.parametrize("names", [(name,) for name in NAMES])
def test_each_picture_is_changed_by_chance_and_of_its_own(names: Any) -> None:
    given = pictures(1, 3, 8, 8).expand(50, -1, -1, -1)
    torch.manual_seed(0)
    seen = augment(given, names)
    assert len(seen.flatten(1).unique(dim=0)) >= 9
    torch.manual_seed(0)
    assert torch.equal(augment(given, names), seen)
    assert not torch.equal(augment(given, names), seen)


def test_shifted_by_at_most_an_eighth_with_empty_paper_coming_in() -> None:
    """Against every shift there is, one by one."""
    given = pictures(1, 1, 16, 24)
    shifts = {}
    for down in range(-2, 3):
        for across in range(-2, 3):
            moved = torch.full_like(given[0, 0], -1)
            moved[max(0, down) : 16 + min(0, down), max(0, across) : 24 + min(0, across)] = given[
                0, 0, max(0, -down) : 16 - max(0, down), max(0, -across) : 24 - max(0, across)
            ]
            shifts[down, across] = moved
    torch.manual_seed(0)
    found = set()
    for seen in augment(given.expand(500, -1, -1, -1), ("shift",)):
        matches = [by for by, moved in shifts.items() if torch.allclose(seen[0], moved)]
        assert len(matches) == 1
        found.update(matches)
    assert found == set(shifts), "all of them occur"


def test_cutout_hides_half_a_side_at_most() -> None:
    given = pictures(1, 2, 8, 16)
    torch.manual_seed(0)
    seen = augment(given.expand(300, -1, -1, -1), ("cutout",))
    hidden = seen == 0
    assert torch.equal(hidden[:, 0], hidden[:, 1]), "in all channels alike"
    assert torch.equal(seen[~hidden], given.expand_as(seen)[~hidden]), "the rest is as it was"
    rows, columns = hidden[:, 0].any(2).sum(1), hidden[:, 0].any(1).sum(1)
    assert rows.max() == columns.max() == 4
    assert torch.equal(hidden[:, 0].sum((1, 2)), rows * columns), "it is a rectangle"


def test_colours_by_the_paper() -> None:
    """Brightness ±0.5, saturation by 0 … 2, contrast by 0.5 … 1.5, read back from two pictures."""
    torch.manual_seed(0)
    flat = torch.zeros(4000, 3, 2, 2, dtype=torch.float64)
    brightness = colour(flat)[:, 0, 0, 0]
    assert brightness.min() >= -0.5 and brightness.max() <= 0.5
    assert brightness.mean().abs() < 0.02 and abs(brightness.var().item() - 1 / 12) < 0.005

    black_and_white = flat.clone()
    black_and_white[..., 0], black_and_white[..., 1] = -1, 1
    seen = colour(black_and_white)
    contrast = (seen[..., 1] - seen[..., 0])[:, 0, 0] / 2
    assert 0.5 <= contrast.min() < 0.51 and 1.49 < contrast.max() <= 1.5
    assert torch.allclose(seen, seen[:, :1].expand_as(seen)), "grey stays grey"

    red = flat.clone()
    red[:, 0] = 0.9
    seen = colour(red)
    spread = (seen[:, 0] - seen[:, 1])[:, 0, 0] / 0.9  # saturation × contrast
    assert spread.min() >= 0 and 2.5 < spread.max() <= 3
    assert abs(spread.mean().item() - 1) < 0.05


@pytest.mark.parametrize("names", [(name,) for name in NAMES])
def test_real_and_made_are_changed_alike(names: Any) -> None:
    """The same picture, once as a constant and once with a graph, in distribution: its mean."""
    given = pictures(1, 1, 8, 8)
    torch.manual_seed(0)
    real = augment(given.expand(4000, -1, -1, -1), names)
    made = augment(given.expand(4000, -1, -1, -1).clone().requires_grad_(), names).detach()
    apart = (real.mean(0) - made.mean(0)).abs()
    error = ((real.var(0) + made.var(0)) / 4000).sqrt()
    assert (apart <= 5 * error + 1e-9).all()
