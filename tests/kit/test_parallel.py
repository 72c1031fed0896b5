"""Processes that train together take the step that one with the whole batch would."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rockfall.kit.parallel import (
    World,
    average,
    averaged_gradients,
    moments,
    same_as_first,
    synchronised_batch_norms,
    world,
)
from tests.kit.worlds import Threads, together

Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]


def data(count: int) -> tuple[Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, 6, generator=drawn, dtype=torch.float64) * 3 + 1
    return inputs, torch.randint(0, 3, (count,), generator=drawn)


def network() -> nn.Sequential:
    torch.manual_seed(1)
    layers = nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3)
    return nn.Sequential(*layers).double()


def learned(
    model: nn.Module,
    counts: list[int],
    size: int,
    passes: Callable[[nn.Module, Tensor, Tensor], None],
) -> list[nn.Module]:
    """The model of each process after these batches, `passes` being called for each part."""

    def act(there: Threads) -> nn.Module:
        mine = copy.deepcopy(model)
        with synchronised_batch_norms(there, mine), averaged_gradients(there, mine.parameters()):
            for count in counts:
                inputs, labels = data(count)
                rows = there.part(count)
                passes(mine, inputs[rows], labels[rows])
        return mine

    return together(size, act)


def step(model: nn.Module, inputs: Tensor, labels: Tensor) -> None:
    model.zero_grad()
    F.cross_entropy(model(inputs), labels).backward()
    with torch.no_grad():
        for parameter in model.parameters():
            assert parameter.grad is not None
            parameter -= 0.1 * parameter.grad


def assert_same(one: nn.Module, others: list[nn.Module]) -> None:
    for name, expected in one.state_dict().items():
        for other in others:
            found = other.state_dict()[name]
            torch.testing.assert_close(found, expected, atol=1e-12, rtol=0, msg=name)


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("counts", [[12, 12], [12, 7], [13, 5, 3], [2]])
def test_uneven_parts_batch_norms_and_batches_too_small_to_divide(
    size: int, counts: list[int]
) -> None:
    model = network()
    others = learned(model, counts, size, step)
    for count in counts:
        step(model, *data(count))
    assert_same(model, others)


def test_parts_are_all_of_a_batch_and_differ_by_one_at_most() -> None:
    for count in range(6, 40):
        for size in (2, 3):
            worlds = [World(rank, size) for rank in range(size)]
            rows = [row for each in worlds for row in range(count)[each.part(count)]]
            assert rows == list(range(count))
            weights = [each.weight for each in worlds]
            assert sum(weights) == count
            assert max(weights) - min(weights) <= 1
    small = World(1, 4)
    assert small.part(7) == slice(0, 7)
    assert (small.weight, small.repeated) == (7 / 4, 4)


def test_gradients_that_are_accumulated_and_parameters_that_a_pass_does_not_reach() -> None:
    """And weights that are shared, frozen now and then, and a gradient of the inputs."""

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 3)
            self.unused = nn.Parameter(torch.zeros(1))
            self.later = nn.Parameter(torch.ones(3), requires_grad=False)

    def passes(model: nn.Module, inputs: Tensor, labels: Tensor) -> None:
        assert isinstance(model, Two)
        model.zero_grad()
        twice = model.first(model.first(inputs))
        F.cross_entropy(model.second(twice), labels).backward()
        assert model.later.grad is None
        model.later.requires_grad_(True)
        model.first.requires_grad_(False)
        given = inputs.clone().requires_grad_()
        outputs = model.second(given) * model.later
        (slopes,) = torch.autograd.grad(outputs.sum(), given, create_graph=True)
        (slopes.square().sum(1).mean() + outputs.square().mean()).backward()
        model.first.requires_grad_(True)
        model.later.requires_grad_(False)

    torch.manual_seed(2)
    model = Two().double()
    others = learned(model, [11], 2, passes)
    passes(model, *data(11))
    for name, parameter in model.named_parameters():
        for other in others:
            found = other.get_parameter(name).grad
            if parameter.grad is None:
                assert found is None, name
            else:
                torch.testing.assert_close(found, parameter.grad, msg=name)
    assert model.unused.grad is None


def test_after_it_nothing_is_exchanged_any_more() -> None:
    (model, _) = learned(network(), [8], 2, step)
    step(model, *data(8))  # with one thread alone, an exchange would not end
    model.eval()
    assert "forward" not in vars(
        next(each for each in model.modules() if isinstance(each, nn.BatchNorm1d))
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64, torch.complex64])
def test_what_is_short_is_summed_up_in_float32(dtype: torch.dtype) -> None:
    def act(there: Threads) -> list[Tensor]:
        there.weight = [3.0, 1.0][there.rank]
        given = [
            torch.full((2, 3), [1.0, 1.0078125][there.rank]).to(dtype),
            torch.ones(()).to(dtype),
        ]
        there.average_(given)
        return given

    for means, one in together(2, act):
        expected = torch.full((2, 3), 1 + 0.0078125 / 4).to(dtype)
        torch.testing.assert_close(means, expected)
        assert means.dtype == dtype
        assert one.item() == 1


def test_what_nobody_weighs_is_no_nan() -> None:
    def act(there: Threads) -> float:
        there.weight = float(there.rank)
        given = torch.tensor([[float("nan"), 5.0][there.rank]])
        there.average_([given])
        return given.item()

    assert together(2, act) == [5.0, 5.0]


def test_moments_and_averages_of_all_and_alone() -> None:
    rows = torch.randn(9, 4, 3, generator=torch.Generator().manual_seed(0)) * 5 + 2

    def act(there: Threads) -> tuple[int, Tensor, Tensor, Tensor]:
        with there.present():
            assert world() is there
            own = rows[there.part(9)]
            mean = own.mean()
            average(mean)
            return *moments(own), mean

    expected = 9, rows.mean(0), rows.var(0, correction=0), rows.mean()
    for found in together(2, act):
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(torch.as_tensor(one), torch.as_tensor(other))
    assert world().size == 1
    count, mean, variance = moments(rows)
    assert count == 9
    assert torch.equal(mean, rows.mean(0))
    assert torch.equal(variance, rows.var(0, correction=0))
    alone = rows.clone()
    average(alone)
    assert torch.equal(alone, rows)


def test_states_travel_whole_and_are_compared_to_the_bit() -> None:
    state = {
        "a": [1, None, "é", (2.5, float("nan"))],
        "b": torch.arange(3),
        "c": {"d": torch.ones(())},
    }

    def act(there: Threads) -> tuple[object, set[str]]:
        own = {
            "same": torch.ones(2),
            "other": torch.tensor(there.rank),
            "zero": -0.0 if there.rank else 0.0,
        }
        return there.broadcast(state), same_as_first(there, own)

    (_, all_same), (found, same) = together(2, act)
    assert repr(found) == repr(state)
    assert all_same == {"same", "other", "zero"}
    assert same == {"same"}
