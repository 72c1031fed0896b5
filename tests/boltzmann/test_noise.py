"""Logistic noise in bulk: quantiles, independence, and units sampled by it."""

from __future__ import annotations

import math

import pytest
import torch

from rockfall_boltzmann.noise import LogisticNoise

CPU = torch.device("cpu")
COUNT = 1_000_000


def test_logistic_moments_and_quantiles() -> None:
    torch.manual_seed(0)
    noise = LogisticNoise(torch.float64, CPU).sample(COUNT)
    deviation = math.pi / math.sqrt(3)
    assert noise.mean().item() == pytest.approx(0, abs=5 * deviation / COUNT**0.5)
    assert noise.std().item() == pytest.approx(deviation, rel=0.005)
    assert noise.min().item() == pytest.approx(-noise.max().item(), rel=1e-9), "as far down as up"
    for share in (0.001, 0.1, 0.5, 0.75, 0.999):
        below = (noise < math.log(share / (1 - share))).double().mean().item()
        assert below == pytest.approx(share, abs=5 * (share * (1 - share) / COUNT) ** 0.5 + 1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("a", [-6.0, -1.0, 0.0, 0.3, 4.0])
def test_a_unit_is_on_as_often_as_its_sigmoid_says(a: float, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    on = (torch.tensor(a, dtype=dtype) > LogisticNoise(dtype, CPU).sample(COUNT)).double().mean()
    chance = 1 / (1 + math.exp(-a))
    rounding = 0.0 if dtype == torch.float32 else 0.004 * chance * (1 - chance) * (1 + abs(a))
    error = (chance * (1 - chance) / COUNT) ** 0.5
    assert on.item() == pytest.approx(chance, abs=5 * error + 2e-5 + rounding)


@pytest.mark.parametrize("shape", [(1,), (5,), (3, 7), (2, 3, 4), (0, 3)])
def test_any_shape(shape: tuple[int, ...]) -> None:
    noise = LogisticNoise(torch.float32, CPU).sample(*shape)
    assert noise.shape == shape
    assert noise.isfinite().all()


def test_the_four_numbers_of_a_word_are_independent() -> None:
    torch.manual_seed(0)
    four = LogisticNoise(torch.float64, CPU).sample(200_000, 4).sigmoid()
    correlations = torch.corrcoef(four.T) - torch.eye(4, dtype=torch.float64)
    assert correlations.abs().max() < 0.012  # 5 deviations


def test_the_seed_decides() -> None:
    noise = LogisticNoise(torch.float32, CPU)
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(noise.sample(100))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
