"""Weighted sums of latents and paths between them, beside other people's arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import geometric_slerp
from torch import Tensor

from rockfall_capabilities.blends.interpolation import interpolate, weighted_sums


def latents(count: int, size: int, seed: int = 0) -> Tensor:
    """Of unlike norms, in double precision."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(count, size, generator=generator, dtype=torch.double)
    return drawn * torch.arange(1, count + 1)[:, None]


def test_linear_sums_are_of_any_sign_and_size() -> None:
    given_ = torch.tensor([[1.0, 0.0], [0.0, 10.0], [5.0, 5.0]])
    weights = torch.tensor([[1.0, -1.0, 1.0], [0.5, 0.0, 2.0]])
    assert weighted_sums(given_, weights, spherical=False).tolist() == [[6, -5], [10.5, 10]]


@given(seed=st.integers(0, 100), weights=st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_spherical_sums_keep_their_direction_and_get_the_mean_radius(
    seed: int, weights: list[float]
) -> None:
    if sum(map(abs, weights)) < 0.1:
        return
    found = latents(4, 6, seed)
    (got,) = weighted_sums(found, torch.tensor([weights], dtype=torch.double), spherical=True)
    plain = np.asarray(weights) @ found.numpy()
    norms = np.linalg.norm(found.numpy(), axis=1)
    radius = np.average(norms, weights=np.abs(weights))
    expected = plain / np.linalg.norm(plain) * radius
    assert np.allclose(got.numpy(), expected)


@pytest.mark.parametrize("spherical", [False, True])
def test_all_of_one_is_that_one_and_nothing_is_nothing(spherical: bool) -> None:
    found = latents(3, 5)
    weights = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.double)
    one, nothing = weighted_sums(found, weights, spherical=spherical)
    assert torch.allclose(one, found[1])
    assert not nothing.any()


@given(seed=st.integers(0, 100), size=st.integers(2, 40), steps=st.integers(2, 20))
def test_the_spherical_path_is_scipy_s(seed: int, size: int, steps: int) -> None:
    first, last = latents(2, size, seed)
    ends = [end / np.linalg.norm(end) for end in (first.numpy(), last.numpy())]
    if abs(ends[0] @ ends[1]) > 0.9999:
        return
    share = np.linspace(0, 1, steps)
    radii = (1 - share) * first.norm().item() + share * last.norm().item()
    expected = geometric_slerp(*ends, share) * radii[:, None]
    found = interpolate(first, last, steps, spherical=True)
    assert np.allclose(found.numpy(), expected, atol=1e-8)


def test_the_linear_path_is_even() -> None:
    first, last = torch.tensor([0.0, 4.0]), torch.tensor([8.0, 0.0])
    assert interpolate(first, last, 5, spherical=False).tolist() == [
        [0, 4],
        [2, 3],
        [4, 2],
        [6, 1],
        [8, 0],
    ]


@pytest.mark.parametrize("factor", [1.0, 3.0, -1.0, 0.0])
def test_a_path_along_a_line_is_finite(factor: float) -> None:
    first = latents(1, 7)[0].float()
    found = interpolate(first, factor * first, 9, spherical=True)
    assert torch.isfinite(found).all()
    assert torch.allclose(found[0], first)
    assert torch.allclose(found[-1], factor * first)


def test_noise_of_many_dimensions_keeps_its_radius() -> None:
    first, last = torch.randn(2, 10_000, generator=torch.Generator().manual_seed(0))
    inside, along = (
        interpolate(first, last, 9, spherical=s)[4].norm().item() for s in (False, True)
    )
    assert along == pytest.approx(100, rel=0.03)
    assert inside == pytest.approx(100 / 2**0.5, rel=0.03)
