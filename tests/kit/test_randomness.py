"""Random bits in bulk, and Bernoulli samples by them."""

from __future__ import annotations

import pytest
import torch

from rockfall.kit.randomness import binarise, random_sixteen_bits

CPU = torch.device("cpu")


def test_sixteen_bits_are_uniform_over_their_whole_range() -> None:
    torch.manual_seed(0)
    uniform = (random_sixteen_bits(1_000_000, CPU).double() + 2**15 + 0.5) / 2**16
    assert uniform.mean().item() == pytest.approx(0.5, abs=0.002)
    assert uniform.var().item() == pytest.approx(1 / 12, rel=0.005)
    assert 0 < uniform.min() < 1e-4
    assert 1 - 1e-4 < uniform.max() < 1


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5])
def test_any_number_of_them(count: int) -> None:
    assert random_sixteen_bits(count, CPU).shape == (count,)
    assert binarise(torch.ones(1, count)).tolist() == [[1.0] * count]


def test_binarise_samples_the_probabilities() -> None:
    torch.manual_seed(0)
    probabilities = torch.tensor([0.0, 1 / 255, 0.3, 0.5, 254 / 255, 1.0])
    samples = binarise(probabilities.expand(200_000, 6))
    assert set(samples.unique().tolist()) == {0.0, 1.0}
    assert samples[:, 0].sum() == 0
    assert samples[:, 5].sum() == 200_000
    errors = (probabilities * (1 - probabilities) / 200_000).sqrt() * 5
    assert ((samples.mean(0) - probabilities).abs() <= errors + 2e-5).all()


def test_neighbours_are_independent() -> None:
    torch.manual_seed(0)
    samples = binarise(torch.full((50_000, 8), 0.5))
    correlations = torch.corrcoef(samples.T) - torch.eye(8)
    assert correlations.abs().max() < 0.025
    assert not torch.equal(samples, binarise(torch.full((50_000, 8), 0.5)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_out_and_dtype(dtype: torch.dtype) -> None:
    probabilities = torch.rand(7, 5, dtype=dtype)
    torch.manual_seed(0)
    samples = binarise(probabilities)
    assert samples.dtype == dtype
    rows = torch.full((14, 6), 0.5, dtype=torch.bfloat16)
    torch.manual_seed(0)
    binarise(probabilities, out=rows[::2, :-1])
    assert torch.equal(rows[::2, :-1].to(dtype), samples)
    assert (rows[1::2] == 0.5).all() and (rows[:, -1] == 0.5).all(), "the rest stays"
