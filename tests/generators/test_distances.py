"""Distances between sets of examples, beside closed forms, SciPy, and going through them all."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rockfall_generators.distances import (
    PrecisionRecall,
    frechet,
    precision_recall,
    squared_distances,
)


def gaussian(count: int, numbers: int, seed: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(count, numbers, generator=torch.Generator().manual_seed(seed))


# Fréchet distance -------------------------------------------------------------------------------


@given(
    count=st.integers(2, 60),
    other=st.integers(2, 60),
    numbers=st.integers(1, 12),
    seed=st.integers(0, 999),
)
@settings(max_examples=30, deadline=None)
def test_frechet_is_what_scipy_makes_of_the_equation(
    count: int, other: int, numbers: int, seed: int
) -> None:
    first = gaussian(count, numbers, seed)
    second = gaussian(other, numbers, seed + 1) @ gaussian(numbers, numbers, seed + 2) + 3
    a, b = first.double().numpy(), second.double().numpy()
    c1, c2 = (np.atleast_2d(np.cov(x.T)) for x in (a, b))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scipy.linalg.LinAlgWarning)  # of singular products
        root = np.real(scipy.linalg.sqrtm((c1 @ c2).astype(complex)))
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(c1 + c2 - 2 * root)
    # A singular product has no exact root in SciPy: its own error is that of a square root.
    assert frechet(first, second) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_frechet_of_single_numbers_is_of_means_and_deviations() -> None:
    first, second = gaussian(50, 1, 0).double(), 2 + gaussian(70, 1, 1, 3).double()
    expected = (first.mean() - second.mean()) ** 2 + (first.std() - second.std()) ** 2
    assert frechet(first, second) == pytest.approx(expected.item(), rel=1e-9)


def test_frechet_of_a_set_moved_is_how_far_it_was_moved() -> None:
    values = gaussian(40, 8, 0).double()
    assert frechet(values, values) == pytest.approx(0, abs=1e-9)
    assert frechet(values, values + 0.5) == pytest.approx(8 * 0.25, rel=1e-9)


def test_frechet_of_a_set_scaled() -> None:
    values = gaussian(40, 8, 0).double()
    values = values - values.mean(0)
    expected = np.trace(np.cov(values.numpy().T))  # (2 − 1)² tr C
    assert frechet(values, 2 * values) == pytest.approx(expected, rel=1e-9)


def test_frechet_of_degenerate_sets() -> None:
    point = torch.ones(1, 5)
    assert frechet(point, point) == 0
    assert frechet(point, torch.zeros(9, 5)) == pytest.approx(5)
    flat = gaussian(100, 2, 0) @ gaussian(2, 6, 1)  # a plane in 6 dimensions
    assert frechet(flat, flat) == pytest.approx(0, abs=1e-9)
    assert math.isfinite(frechet(flat, gaussian(3, 6, 2)))


# Precision and recall ---------------------------------------------------------------------------


def one_by_one(real: np.ndarray, made: np.ndarray, k: int) -> PrecisionRecall:
    """Kynkäänniemi et al. 2019, equations 1 and 2, as they stand."""

    def length(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.sqrt(np.square(a - b).sum()))

    def inside(example: np.ndarray, examples: np.ndarray) -> bool:
        for number, centre in enumerate(examples):
            others = [length(centre, x) for i, x in enumerate(examples) if i != number]
            if length(example, centre) <= sorted(others)[k - 1]:
                return True
        return False

    return PrecisionRecall(
        float(np.mean([inside(x, real) for x in made])),
        float(np.mean([inside(x, made) for x in real])),
    )


@given(count=st.integers(4, 14), other=st.integers(4, 14), seed=st.integers(0, 999))
@settings(max_examples=25, deadline=None)
def test_precision_and_recall_one_by_one(count: int, other: int, seed: int) -> None:
    real, made = gaussian(count, 3, seed), 0.5 + gaussian(other, 3, seed + 1, 0.7)
    expected = one_by_one(real.double().numpy(), made.double().numpy(), 3)
    assert precision_recall(real, made) == expected


def test_precision_and_recall_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    real, made = gaussian(53, 3, 0), gaussian(47, 3, 1, 0.8)
    whole = precision_recall(real, made)
    monkeypatch.setattr("rockfall_generators.distances.BATCH", 7)
    assert precision_recall(real, made) == whole
    assert whole.precision > whole.recall  # it makes the inner ones only


def test_precision_and_recall_of_what_is_easy() -> None:
    real = gaussian(60, 4, 0)
    assert precision_recall(real, real) == (1, 1)
    assert precision_recall(real, real + 100) == (0, 0)
    assert precision_recall(real, real[:1].expand(60, 4)) == (1, pytest.approx(1 / 60))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_fewer_examples_than_neighbours(count: int) -> None:
    few = gaussian(count, 4, 0)
    assert precision_recall(few, few) == (1, 1)
    assert precision_recall(few, few + 100) == (0, 0)


def test_what_is_the_same_is_at_distance_0_however_far_out() -> None:
    far = 1e6 + gaussian(6, 64, 0).double()
    distances = squared_distances(far, far)
    assert (distances.diagonal() == 0).all()
    near = gaussian(6, 64, 0).double()
    expected = torch.cdist(near, near + 1, compute_mode="donot_use_mm_for_euclid_dist").square()
    torch.testing.assert_close(squared_distances(near, near + 1), expected)
