"""How examples become visible units: there and back, whitened by the book, or refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rockfall.errors import RockfallError
from rockfall_boltzmann.inputs import CONTRAST, EPSILON, Form, Inputs
from tests.boltzmann.machines import vectors


def fitted(values: Tensor, form: Form) -> Inputs:
    made = Inputs(vectors(values).info, form)
    made.fit(values)
    return made


def pictures(count: int = 300, seed: int = 0) -> Tensor:
    """(N, 3, 4, 4) bytes whose neighbours are alike, of different brightness and contrast."""
    generator = torch.Generator().manual_seed(seed)
    rough = torch.randn(count, 3, 6, 6, generator=generator)
    smooth = torch.nn.functional.avg_pool2d(rough, 3, 1) * 3
    contrast = 10 + 30 * torch.rand(count, 1, 1, 1, generator=generator)
    middle = 90 + 70 * torch.rand(count, 1, 1, 1, generator=generator)
    return (middle + contrast * smooth).round().clamp(0, 255).byte()


@pytest.mark.parametrize("form", ["unit", "centred", "standard"])
def test_pictures_come_back(form: Form) -> None:
    given = pictures()
    made = fitted(given, form)
    assert torch.equal(made.back(made(given)), given)
    assert made(given).shape == (300, 48)
    assert made(given).dtype == torch.float32


@pytest.mark.parametrize("form", ["unit", "centred", "standard", "zca"])
@given(seed=st.integers(0, 1000), count=st.integers(2, 40), width=st.integers(1, 9))
@settings(max_examples=10, deadline=None)
def test_numbers_come_back(form: Form, seed: int, count: int, width: int) -> None:
    given = torch.rand(count, width, generator=torch.Generator().manual_seed(seed))
    made = fitted(given, form)
    torch.testing.assert_close(made.back(made(given)), given, atol=1e-4, rtol=1e-4)


def test_unit_is_from_0_to_1() -> None:
    given = torch.tensor([[[[0, 51, 255]]], [[[255, 102, 0]]]], dtype=torch.uint8)
    made = fitted(given, "unit")
    torch.testing.assert_close(made(given), torch.tensor([[0, 0.2, 1], [1, 0.4, 0]]))
    assert made.back(torch.tensor([[-0.5, 0.5, 1.7]])).flatten().tolist() == [0, 128, 255]


def test_centred_keeps_how_far_numbers_vary_beside_each_other() -> None:
    given = torch.tensor([[1.0, 10.0, 5.0], [3.0, 40.0, 5.0]])
    v = fitted(given, "centred")(given)
    common = math.sqrt((1 + 225 + 0) / 3)
    wanted = torch.tensor([[-1.0, -15.0, 0.0], [1.0, 15.0, 0.0]]) / common
    torch.testing.assert_close(v, wanted)


def test_standard_has_mean_0_and_deviation_1() -> None:
    given = torch.rand(500, 6) * torch.tensor([1.0, 2, 3, 4, 5, 6]) - 2
    values = fitted(given, "standard")(given)
    torch.testing.assert_close(values.mean(0), torch.zeros(6), atol=1e-5, rtol=0)
    torch.testing.assert_close(values.std(0, correction=0), torch.ones(6))


def test_what_hardly_changes_is_not_blown_up() -> None:
    given = torch.rand(500, 3)
    given[:, 1] = 0.7
    given[:, 2] = 0.7 + 1e-6 * given[:, 2]
    made = fitted(given, "standard")
    values = made(given)
    assert values[:, 1:].abs().max() < 1e-3
    assert values[:, 0].std() > 0.9
    torch.testing.assert_close(made.back(values), given)


def test_zca_whitens_by_the_book() -> None:
    """Covariance Σ (Σ + ε I)⁻¹, of contrast-normalised patches; by NumPy."""
    given = pictures(2000)
    values = fitted(given, "zca")(given).double().numpy()
    flat = given.flatten(1).double().numpy()
    flat = flat - flat.mean(1, keepdims=True)
    flat = flat / np.sqrt(flat.var(1, ddof=1, keepdims=True) + CONTRAST)
    covariance = np.cov(flat.T, bias=True)
    wanted = covariance @ np.linalg.inv(covariance + EPSILON * np.eye(48))
    np.testing.assert_allclose(np.cov(values.T, bias=True), wanted, atol=2e-3)
    np.testing.assert_allclose(values.mean(0), 0, atol=1e-4)
    # Symmetric: a whitened patch looks like the patch, unlike with any other root.
    each = [np.corrcoef(a, b)[0, 1] for a, b in zip(flat[:50], values[:50], strict=True)]
    assert min(each) > 0.3
    # Neighbours were alike, and aren't any more.
    assert abs(np.corrcoef(flat[:, 0], flat[:, 1])[0, 1]) > 0.3
    assert abs(np.corrcoef(values[:, 0], values[:, 1])[0, 1]) < 0.2


def test_a_whitened_patch_comes_back_with_the_mean_contrast() -> None:
    given = pictures()
    made = fitted(given, "zca")
    back = made.back(made(given))
    for before, after in zip(given[:30].flatten(1).float(), back.flatten(1).float(), strict=False):
        assert torch.corrcoef(torch.stack([before, after]))[0, 1] > 0.98
    spread = given.flatten(1).float().std(1).mean().item()
    assert back.flatten(1).float().std(1).mean().item() == pytest.approx(spread, rel=0.1)
    assert back.float().mean().item() == pytest.approx(given.float().mean().item(), abs=2)


def test_an_even_patch_is_no_noise() -> None:
    given = pictures()
    given[0] = 77
    made = fitted(given, "zca")
    assert made(given).isfinite().all()
    assert made(given[:1]).abs().max() < made(given).abs().max() / 3


def test_what_was_found_is_in_the_state() -> None:
    given = pictures()
    for form in ("standard", "zca"):
        made = fitted(given, form)
        other = Inputs(vectors(given).info, form)
        other.load_state_dict(made.state_dict())
        assert torch.equal(other(given), made(given))
        assert torch.equal(other.back(made(given)), made.back(made(given)))


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("form", ["unit", "standard", "zca"])
def test_what_is_not_finite_is_refused(form: Form, wrong: float) -> None:
    values = torch.rand(10, 3)
    values[4, 1] = wrong
    with pytest.raises(ValueError, match="not finite"):
        fitted(values, form)


@pytest.mark.parametrize(("low", "high"), [(-0.1, 1.0), (0.0, 1.001)])
def test_binary_units_take_values_from_0_to_1(low: float, high: float) -> None:
    values = torch.rand(10, 3)
    values[3, 1], values[5, 2] = low, high
    with pytest.raises(ValueError, match=rf"from {low:.4g}.* to {high:.4g}: visible=gaussian") as e:
        fitted(values, "unit")
    assert "\n" not in str(e.value)
    fitted(values, "standard")
    values[3, 1], values[5, 2] = 0.0, 1.0
    fitted(values, "unit")


def test_pictures_of_one_pixel_are_not_whitened() -> None:
    values = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1)
    with pytest.raises(ValueError, match="one pixel"):
        fitted(values, "zca")
    assert fitted(values, "centred")(values).isfinite().all()


@pytest.mark.parametrize("form", ["unit", "standard", "zca"])
def test_one_example_is_refused(form: Form) -> None:
    with pytest.raises(ValueError, match="one training example"):
        fitted(torch.rand(1, 3), form)


@pytest.mark.parametrize("form", ["unit", "standard", "zca"])
@pytest.mark.parametrize(
    "values", [torch.tensor([[0.1, 0.9]]).repeat(1500, 1), pictures(1).repeat(1500, 1, 1, 1)]
)
def test_examples_that_are_all_the_same_are_refused(form: Form, values: Tensor) -> None:
    with pytest.raises(RockfallError, match="the same"):
        fitted(values, form)
    values = values.clone()
    values[-1].flatten()[-1] = 0
    fitted(values, form)
