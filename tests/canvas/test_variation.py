"""Variation operators: where mutants lie, how far they move, and that permutations lose nothing."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rockfall_canvas.variation import BOUNDS, RADII, crossover, mutate, random_polygons, reorder

ASPECT = torch.tensor([2.0, 1.0])
"""Of a picture half as wide as it is high."""


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_one_vertex_all_alike_or_every_one_is_moved() -> None:
    parents = torch.full((1, 2, 5, 2), 0.5)
    moves = mutate(parents, torch.full((1, 2), 0.01), ASPECT, 30) - parents[:, :, None]
    assert moves.shape == (1, 2, 30, 5, 2)
    still = moves.eq(0).all(-1).sum(-1)  # vertices that did not move
    assert still[..., 0::3].eq(4).all()
    assert still[..., 1::3].eq(0).all() and still[..., 2::3].eq(0).all()
    whole, each = moves[:, :, 1::3], moves[:, :, 2::3]
    torch.testing.assert_close(whole, whole[..., :1, :].expand_as(whole))
    assert each.std(3).min() > 0


def test_steps_are_as_long_as_told_and_alike_in_both_directions() -> None:
    """In a picture half as wide as high, a share of the width is half as long."""
    parents = torch.full((1, 2, 4, 2), 0.5)
    steps = torch.tensor([[0.001, 0.02]])
    moves = mutate(parents, steps, ASPECT, 3000)[:, :, 1::3, 0] - 0.5  # (1, 2, 1000, 2)
    torch.testing.assert_close(moves.std(2)[0], steps[0, :, None] * ASPECT, rtol=0.1, atol=0)


def test_children_stay_near_the_picture() -> None:
    found = mutate(torch.rand(2, 3, 4, 2), torch.full((2, 3), 5.0), ASPECT, 20)
    assert found.min() == BOUNDS[0] and found.max() == pytest.approx(BOUNDS[1])


def test_new_polygons_lie_where_the_errors_are() -> None:
    errors = torch.zeros(40, 20)
    errors[30, 5] = 1.0
    shapes = random_polygons(errors, ASPECT, 500, 6)
    assert shapes.shape == (500, 6, 2)
    centre = torch.tensor([5.5 / 20, 30.5 / 40])
    reach = ((shapes - centre) / ASPECT).norm(dim=-1).amax(1)
    assert reach.max() <= 1.5 * RADII[1] and reach.min() >= 0.5 * RADII[0]
    assert reach.std() > 0.01


def test_new_polygons_of_a_perfect_painting_lie_anywhere() -> None:
    shapes = random_polygons(torch.zeros(8, 8), torch.ones(2), 200, 3)
    assert shapes.isfinite().all()
    assert shapes.mean((0, 1)).sub(0.5).abs().max() < 0.1


@given(st.integers(1, 12))
def test_restacking_moves_one_and_loses_none(polygons: int) -> None:
    orders = reorder(polygons, 40, torch.device("cpu"))
    assert torch.equal(orders.sort(1).values, torch.arange(polygons).expand(40, -1))
    for order in orders.tolist():
        rests = [[k for k in order if k != taken] for taken in range(polygons)]
        assert any(rest == sorted(rest) for rest in rests)


def test_every_polygon_reaches_every_place() -> None:
    orders = reorder(4, 2000, torch.device("cpu"))
    found = {(k, order.index(k)) for order in orders.tolist() for k in range(4)}
    assert len(found) == 16
    assert torch.equal(torch.arange(1)[None], reorder(1, 1, torch.device("cpu")))


def relatives() -> Tensor:
    """Three paintings of 30 polygons, small ones in the same places."""
    places = torch.rand(1, 30, 1, 2)
    return (places + 0.01 * torch.rand(3, 30, 4, 2)).clamp(0, 1)


def test_two_parents_share_the_picture_by_a_line() -> None:
    vertices = relatives()
    origin = crossover(vertices, torch.ones(2), 50)
    assert origin.shape == (150, 30)
    mixed = 0
    for child, row in enumerate(origin):
        parents = set(row.tolist())
        assert len(parents | {child % 3}) <= 2
        if len(parents) == 2:
            mixed += 1
            assert separable(vertices[child % 3].mean(1), row == child % 3)
    assert mixed > 75


def separable(points: Tensor, side: Tensor) -> bool:
    """Whether a line has all points (N, 2) of one side on its one side, by trying directions."""
    angles = torch.linspace(0, 2 * torch.pi, 721)
    along = points @ torch.stack((angles.cos(), angles.sin()))  # (N, 721)
    return bool((along[side].amax(0) < along[~side].amin(0) + 1e-3).any())
