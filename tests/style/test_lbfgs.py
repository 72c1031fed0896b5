"""L-BFGS beside the textbook's recursion, and on valleys whose lowest point is known."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rockfall_style.lbfgs import MAX_STEP_RMS, Lbfgs


def slope_of(values: Tensor, loss: Callable[[Tensor], Tensor]) -> Callable[[], Tensor]:
    def evaluate() -> Tensor:
        values.grad = None
        found = loss(values)
        found.backward()
        return found

    return evaluate


def valley(size: int, steepest: float) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The lowest point, and a quadratic whose curvatures go from 1 to `steepest`."""
    lowest = torch.linspace(0, 1, size)
    curvature = torch.logspace(0, torch.tensor(steepest).log10().item(), size)
    return lowest, lambda values: (curvature * (values - lowest) ** 2).sum() / 2


def two_loops(pairs: list[tuple[Tensor, Tensor]], slope: Tensor) -> Tensor:
    """Nocedal and Wright 2006, algorithm 7.4."""
    turned, shares = slope.clone(), []
    for step, change in reversed(pairs):
        share = step.dot(turned) / change.dot(step)
        turned -= share * change
        shares.append(share)
    step, change = pairs[-1]
    turned *= step.dot(change) / change.dot(change)
    for (step, change), share in zip(pairs, reversed(shares), strict=True):
        turned += step * (share - change.dot(turned) / change.dot(step))
    return -turned


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("steps", [2, 3, 5, 9])
def test_directions_are_the_textbooks(
    steps: int, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a history of 4: before it is full, when it is, and gone round.

    whole: solved for all pairs, known or not, as on a GPU.
    """
    if whole:
        monkeypatch.setattr(Lbfgs, "_system_size", lambda self: self.history)
    _, loss = valley(30, 20.0)
    values = torch.zeros(30, dtype=torch.float64, requires_grad=True)
    optimizer = Lbfgs(values, history=4)
    places: list[tuple[Tensor, Tensor]] = []
    for _ in range(steps):
        before = values.detach().clone()
        optimizer.step(slope_of(values, loss))
        assert values.grad is not None
        places.append((before, values.grad.clone()))
    pairs = [
        (there - here, after - before)
        for (here, before), (there, after) in itertools.pairwise(places)
    ]
    expected = two_loops(pairs[-4:], places[-1][1])
    torch.testing.assert_close(optimizer.direction, expected, rtol=1e-6, atol=1e-9)


def test_it_finds_the_lowest_point() -> None:
    lowest, loss = valley(50, 1000.0)
    values = torch.zeros(2, 25, requires_grad=True)
    optimizer = Lbfgs(values)
    evaluate = slope_of(values, lambda given: loss(given.flatten()))
    for _ in range(150):
        optimizer.step(evaluate)
    torch.testing.assert_close(values.detach().flatten(), lowest, rtol=0, atol=1e-3)


def test_a_step_that_raises_the_loss_is_taken_back() -> None:
    """In a double well, where the curvature between the wells points nowhere."""
    values = torch.full((4,), 0.05, requires_grad=True)
    optimizer = Lbfgs(values)
    evaluate = slope_of(values, lambda given: ((given**2 - 1) ** 2).sum() * 1e3)
    losses: list[float] = []
    for _ in range(60):
        before = float(optimizer.loss)
        optimizer.step(evaluate)
        assert float(optimizer.loss) <= before
        losses.append(float(optimizer.loss))
    torch.testing.assert_close(values.detach().abs(), torch.ones(4), rtol=0, atol=1e-3)


def test_no_step_is_longer_than_pictures_bear() -> None:
    values = torch.zeros(10, requires_grad=True)
    optimizer = Lbfgs(values)
    evaluate = slope_of(values, lambda given: (given - 1e4).square().sum())
    for _ in range(6):
        before = values.detach().clone()
        optimizer.step(evaluate)
        assert (values.detach() - before).square().mean().sqrt() <= MAX_STEP_RMS * 1.001


def test_it_stays_where_there_is_no_slope() -> None:
    values = torch.ones(3, requires_grad=True)
    optimizer = Lbfgs(values)
    for _ in range(3):
        optimizer.step(slope_of(values, lambda given: (given * 0).sum()))
    assert torch.equal(values.detach(), torch.ones(3))


def test_it_goes_on_from_its_state() -> None:
    _, loss = valley(20, 100.0)

    def begun(steps: int) -> tuple[Tensor, Lbfgs]:
        values = torch.zeros(20, requires_grad=True)
        optimizer = Lbfgs(values, history=3)
        for _ in range(steps):
            optimizer.step(slope_of(values, loss))
        return values, optimizer

    straight, _ = begun(12)
    values, optimizer = begun(7)
    again = values.detach().clone().requires_grad_()
    other = Lbfgs(again, history=3)
    other.load_state_dict(optimizer.state_dict())
    for _ in range(5):
        other.step(slope_of(again, loss))
    assert torch.equal(again, straight)
