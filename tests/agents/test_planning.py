"""The value iteration network plans: with weights set by hand it has the values of brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rockfall_agents.planning import CHANNELS, NEAR, Attention, Plan, PlanningEncoder

GAMMA = 0.9


def plan_of_the_game(channels: int = 1) -> Plan:
    """A bowl of three columns catches what the first channel shows; the rest is left out."""
    plan = Plan(channels)
    with torch.no_grad():
        plan.reward.zero_()
        plan.reward[0, 0] = 1
        plan.discount.copy_(GAMMA * torch.eye(CHANNELS))
    return plan


def best_return(rows: np.ndarray, column: int) -> float:
    """Of all ways through the rows, the lowest of them first, at most a column aside each time."""
    height, width = rows.shape
    best = -np.inf
    for moves in itertools.product((-1, 0, 1), repeat=height - 1):
        where, total = column, 0.0
        for time in range(height):
            if time:
                where += moves[time - 1]
            if not 0 <= where < width:
                break
            caught = rows[height - 1 - time, max(0, where - 1) : where + 2].sum()
            total += GAMMA**time * caught
        else:
            best = max(best, total)
    return best


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 6))
@settings(max_examples=25)
def test_its_values_are_those_of_brute_force(seed: int, height: int, width: int) -> None:
    rows = (np.random.default_rng(seed).random((height, width)) < 0.4).astype(np.float32)
    values = plan_of_the_game()(torch.from_numpy(rows)[None, None])
    assert values.shape == (1, CHANNELS, width)
    expected = [best_return(rows, column) for column in range(width)]
    np.testing.assert_allclose(values[0, 0].detach().numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("column", range(9))
def test_attention_finds_a_bowl_wherever_it_is(column: int) -> None:
    attention = Attention(1)
    with torch.no_grad():
        attention.weight.fill_(60.0)
    row = torch.zeros(1, 1, 9)
    row[..., max(0, column - 1) : column + 2] = 1
    values = torch.rand(1, CHANNELS, 9)
    around = torch.nn.functional.pad(values, (1, 1))[0, :, column : column + NEAR]
    torch.testing.assert_close(attention(row, values), around.reshape(1, -1))


def test_what_cannot_be_reached_does_not_matter_and_all_else_does() -> None:
    """A gradient reaches the cells from which something falls within reach of the bowl."""
    torch.manual_seed(0)
    encoder = PlanningEncoder((6, 15))
    with torch.no_grad():
        encoder.attention.weight.fill_(100.0)
    grid = torch.rand(1, 6, 15)
    grid[:, -1] = 0
    grid[:, -1, 6:9] = 1
    grid.requires_grad_()
    encoder(grid).square().sum().backward()
    assert grid.grad is not None
    for row in range(5):
        reach = 2 + (4 - row) + 1  # beside it, a column a row, and what is caught with the edge
        far = torch.arange(15).sub(7).abs() > reach
        assert (grid.grad[0, row, far] == 0).all()
    assert (grid.grad[0, 4, 5:10] != 0).all()


def test_a_grid_of_one_row_is_refused() -> None:
    with pytest.raises(ValueError, match="have one row: use network=mlp"):
        PlanningEncoder((1, 9))
