"""log Z: the exact sum against loops and grids, annealed importance sampling against the sum."""

from __future__ import annotations

import math

import pytest
import torch

from rockfall_boltzmann import ais
from tests.boltzmann.machines import Loops, rbm


@pytest.mark.parametrize("shape", [(3, 2), (2, 4), (5, 1), (1, 5), (4, 4)])
def test_exact_is_the_sum_over_all_states(shape: tuple[int, int]) -> None:
    model = rbm(*shape, seed=sum(shape))
    assert ais.exact_log_partition(model) == pytest.approx(
        math.log(Loops(model).joint()[2].sum()), abs=1e-10
    )


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 4)])
def test_exact_is_the_integral_over_gaussian_units(shape: tuple[int, int]) -> None:
    model = rbm(*shape, seed=1, visible="gaussian")
    assert ais.exact_log_partition(model) == pytest.approx(
        math.log(Loops(model).joint()[2].sum()), abs=1e-9
    )


def test_exact_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    model = rbm(9, 7)
    whole = ais.exact_log_partition(model)
    monkeypatch.setattr(ais, "CHUNK", 12)  # no divisor of 128
    assert ais.exact_log_partition(model) == pytest.approx(whole, abs=1e-12)


def test_exact_does_not_overflow() -> None:
    model = rbm(4, 3, scale=1000.0)
    lowest = min(Loops(model).energy(v, h) for v in _states(4) for h in _states(3))
    assert ais.exact_log_partition(model) == pytest.approx(-lowest, abs=1.0)


def _states(units: int) -> list[list[float]]:
    return [[float(number >> unit & 1) for unit in range(units)] for number in range(2**units)]


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("seed", range(4))
def test_annealing_agrees_within_its_error(visible: str, seed: int) -> None:
    model = rbm(12, 8, seed=seed, scale=0.3, visible=visible)
    wanted = ais.exact_log_partition(model)
    torch.manual_seed(seed)
    found = ais.annealed_importance_sampling(model.float(), chains=200, steps=200)
    assert abs(found.value - wanted) < 4 * found.error
    assert 0 < found.error < 0.1
    assert 80 < found.effective <= 200
    assert found.chains == 200


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_weights_mean_is_right_however_short_the_annealing(visible: str, steps: int) -> None:
    """With β too early or too late by one, a long annealing would still seem right."""
    model = rbm(3, 2, seed=2, scale=0.6, visible=visible)
    model.base_bias.copy_(model.visible_bias.detach() + torch.tensor([1.0, -0.7, 0.9]))
    torch.manual_seed(0)
    found = ais.annealed_importance_sampling(model.float(), chains=100_000, steps=steps)
    assert found.value == pytest.approx(
        ais.exact_log_partition(model.double()), abs=4 * found.error
    )
    assert found.error < 0.03


@pytest.mark.long
def test_the_error_is_the_standard_deviation_of_estimates() -> None:
    model = rbm(10, 6, seed=1, scale=0.6).float()
    torch.manual_seed(0)
    found = [ais.annealed_importance_sampling(model, chains=50, steps=30) for _ in range(150)]
    values = torch.tensor([one.value for one in found])
    said = sum(one.error for one in found) / len(found)
    assert values.std().item() == pytest.approx(said, rel=0.25)


@pytest.mark.long
def test_the_effective_sample_size_is_small_where_annealing_is_too_short() -> None:
    model = rbm(40, 30, scale=1.0).float()
    torch.manual_seed(0)
    short = ais.annealed_importance_sampling(model, chains=100, steps=3)
    long = ais.annealed_importance_sampling(model, chains=100, steps=3000)
    assert 1 <= short.effective < 10
    assert long.effective > 5 * short.effective
    assert short.error > 3 * long.error


def test_the_seed_decides() -> None:
    model = rbm(10, 6).float()
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(ais.annealed_importance_sampling(model, chains=10, steps=10))
    assert found[0] == found[1] != found[2]


def test_the_schedule_is_the_papers() -> None:
    """500 steps to 0.5, 4,000 to 0.9, 10,000 to 1; a shorter one has the same proportions."""
    betas = ais.inverse_temperatures(14_500)
    assert betas[[0, 500, 4500, 14_500]].tolist() == pytest.approx([0, 0.5, 0.9, 1])
    steps = betas.diff()
    assert steps[[0, 499, 500, 4499, 4500, -1]].tolist() == pytest.approx(
        [1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5]
    )
    assert ais.inverse_temperatures(29)[[0, 1, 9, 29]].tolist() == pytest.approx([0, 0.5, 0.9, 1])
    for short in (1, 2, 7, 100):
        betas = ais.inverse_temperatures(short)
        assert len(betas) == short + 1
        assert (betas[0], betas[-1]) == (0, 1)
        assert (betas.diff() > 0).all()


def test_log_partition_is_exact_where_that_takes_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ais, "MAX_ENUMERATED", 4)
    for shape in ((4, 6), (6, 4)):
        found = ais.log_partition(rbm(*shape))
        assert found == ais.LogPartition(ais.exact_log_partition(rbm(*shape)), 0.0)
    # Gaussian visible units can't be enumerated.
    assert ais.log_partition(rbm(4, 6, visible="gaussian").float()).chains == ais.CHAINS
    assert not ais.log_partition(rbm(6, 4, visible="gaussian")).chains


def test_log_partition_anneals_longer_where_few_chains_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ais, "MAX_ENUMERATED", 4)
    monkeypatch.setattr(ais, "STEPS", (3, 400))
    torch.manual_seed(0)
    hard, easy = rbm(14, 10, scale=1.2), rbm(14, 10, scale=0.05)
    found = ais.log_partition(hard.float())
    assert found.effective > ais.MIN_EFFECTIVE_SHARE * ais.CHAINS
    assert abs(found.value - ais.exact_log_partition(hard.double())) < 4 * found.error
    torch.manual_seed(0)
    once = ais.annealed_importance_sampling(easy.float(), chains=ais.CHAINS, steps=3)
    torch.manual_seed(0)
    assert ais.log_partition(easy) == once
