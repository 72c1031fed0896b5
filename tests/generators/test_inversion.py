"""The noise that a generator makes an example of."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from rockfall.kit.randomness import fork_rng
from rockfall_generators.inversion import STARTS, invert
from rockfall_generators.networks import mlp

NOTHING = torch.empty(4, 0)


def drawn(count: int) -> Tensor:
    return torch.randn(count, 5)


@pytest.fixture
def generator() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        mlp((5, 30, 12), negative_slope=0.2), nn.Tanh(), nn.Unflatten(1, (3, 2, 2))
    ).eval()


def error(generator: nn.Module, noise: Tensor, wanted: Tensor) -> Tensor:
    with torch.no_grad():
        made: Tensor = generator(noise)
        return (made - wanted).square().flatten(1).mean(1)


def test_nearer_than_the_best_of_many_starts(generator: nn.Module) -> None:
    with torch.no_grad():
        wanted = generator(drawn(4))
    with fork_rng(seed=3):
        found = invert(generator, wanted, NOTHING, drawn)
    starts = drawn(4 * STARTS)
    for example in range(4):
        best = error(generator, starts, wanted[example]).min()
        assert error(generator, found[example : example + 1], wanted[example]) < best / 10
    assert found.shape == (4, 5)
    assert not found.requires_grad
    assert all(parameter.grad is None for parameter in generator.parameters())


def test_without_steps_it_is_the_nearest_start(
    generator: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rockfall_generators.inversion.STEPS", 0)
    wanted = torch.rand(4, 3, 2, 2)
    with fork_rng(seed=3):
        found = invert(generator, wanted, NOTHING, drawn)
    with fork_rng(seed=3):
        for example in range(4):
            noise = drawn(STARTS)
            nearest = error(generator, noise, wanted[example]).argmin()
            assert torch.equal(found[example], noise[nearest])


def test_the_seed_decides(generator: nn.Module) -> None:
    wanted = torch.rand(4, 3, 2, 2)
    found = []
    for seed in (0, 0, 1):
        with fork_rng(seed), torch.no_grad():
            found.append(invert(generator, wanted, NOTHING, drawn))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_what_is_told_stays_as_it_is() -> None:
    """Each example's condition says of which of two maps it is; the other can't make it."""

    class Two(nn.Module):
        def forward(self, both: Tensor) -> Tensor:
            noise, conditions = both[:, :2], both[:, 2:]
            return noise * (conditions[:, :1] - conditions[:, 1:])

    conditions = torch.eye(2)
    wanted = torch.tensor([[0.5, -1.0], [0.5, -1.0]])
    torch.manual_seed(0)
    found = invert(Two(), wanted, conditions, lambda count: torch.randn(count, 2))
    assert torch.allclose(found, torch.tensor([[0.5, -1.0], [-0.5, 1.0]]), atol=0.02)


def test_numbers_that_do_not_matter_keep_the_size_of_noise() -> None:
    """What only one number of many decides, is no reason for the others to leave the sphere."""

    class First(nn.Module):
        def forward(self, noise: Tensor) -> Tensor:
            return noise[:, :1] * 0.1

    torch.manual_seed(0)
    found = invert(
        First(), torch.full((3, 1), 0.15), torch.empty(3, 0), lambda count: torch.randn(count, 50)
    )
    sizes = found.square().mean(1)
    assert ((sizes > 0.8) & (sizes < 1.25)).all()
