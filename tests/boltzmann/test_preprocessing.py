"""Preprocessing: inverses, whitening against NumPy, and data that is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rockfall.errors import RockfallError
from rockfall_boltzmann.preprocessing import CONTRAST_VARIANCE, ZCA_EPSILON, Method, Preprocessor
from tests.boltzmann.machines import vectors


def fitted(values: Tensor, method: Method) -> Preprocessor:
    preprocessor = Preprocessor(vectors(values).info, method)
    preprocessor.fit(values)
    return preprocessor


def pictures(count: int = 300, seed: int = 0) -> Tensor:
    """(N, 3, 4, 4) bytes whose neighbours are alike, of different brightness and contrast."""
    generator = torch.Generator().manual_seed(seed)
    rough = torch.randn(count, 3, 6, 6, generator=generator)
    smooth = torch.nn.functional.avg_pool2d(rough, 3, 1) * 3
    contrast = 10 + 30 * torch.rand(count, 1, 1, 1, generator=generator)
    brightness = 90 + 70 * torch.rand(count, 1, 1, 1, generator=generator)
    return (brightness + contrast * smooth).round().clamp(0, 255).byte()


@pytest.mark.parametrize("method", ["unit", "centred", "standard"])
def test_inverse_gives_pictures_back(method: Method) -> None:
    given = pictures()
    preprocessor = fitted(given, method)
    assert torch.equal(preprocessor.inverse(preprocessor(given)), given)
    assert preprocessor(given).shape == (300, 48)
    assert preprocessor(given).dtype == torch.float32


@pytest.mark.parametrize("method", ["unit", "centred", "standard", "zca"])
@given(seed=st.integers(0, 1000), count=st.integers(2, 40), width=st.integers(1, 9))
@settings(max_examples=10, deadline=None)
def test_inverse_gives_numbers_back(method: Method, seed: int, count: int, width: int) -> None:
    given = torch.rand(count, width, generator=torch.Generator().manual_seed(seed))
    preprocessor = fitted(given, method)
    torch.testing.assert_close(
        preprocessor.inverse(preprocessor(given)), given, atol=1e-4, rtol=1e-4
    )


def test_unit_is_from_0_to_1() -> None:
    given = torch.tensor([[[[0, 51, 255]]], [[[255, 102, 0]]]], dtype=torch.uint8)
    preprocessor = fitted(given, "unit")
    torch.testing.assert_close(preprocessor(given), torch.tensor([[0, 0.2, 1], [1, 0.4, 0]]))
    assert preprocessor.inverse(torch.tensor([[-0.5, 0.5, 1.7]])).flatten().tolist() == [
        0,
        128,
        255,
    ]


def test_centred_keeps_the_features_relative_deviations() -> None:
    given = torch.tensor([[1.0, 10.0, 5.0], [3.0, 40.0, 5.0]])
    v = fitted(given, "centred")(given)
    common = math.sqrt((1 + 225 + 0) / 3)
    wanted = torch.tensor([[-1.0, -15.0, 0.0], [1.0, 15.0, 0.0]]) / common
    torch.testing.assert_close(v, wanted)


def test_standard_has_mean_0_and_standard_deviation_1() -> None:
    given = torch.rand(500, 6) * torch.tensor([1.0, 2, 3, 4, 5, 6]) - 2
    values = fitted(given, "standard")(given)
    torch.testing.assert_close(values.mean(0), torch.zeros(6), atol=1e-5, rtol=0)
    torch.testing.assert_close(values.std(0, correction=0), torch.ones(6))


def test_features_that_hardly_vary_are_not_amplified() -> None:
    given = torch.rand(500, 3)
    given[:, 1] = 0.7
    given[:, 2] = 0.7 + 1e-6 * given[:, 2]
    preprocessor = fitted(given, "standard")
    values = preprocessor(given)
    assert values[:, 1:].abs().max() < 1e-3
    assert values[:, 0].std() > 0.9
    torch.testing.assert_close(preprocessor.inverse(values), given)


def test_zca_covariance() -> None:
    """Covariance Σ (Σ + ε I)⁻¹, of contrast-normalised patches; by NumPy."""
    given = pictures(2000)
    values = fitted(given, "zca")(given).double().numpy()
    flat = given.flatten(1).double().numpy()
    flat = flat - flat.mean(1, keepdims=True)
    flat = flat / np.sqrt(flat.var(1, ddof=1, keepdims=True) + CONTRAST_VARIANCE)
    covariance = np.cov(flat.T, bias=True)
    wanted = covariance @ np.linalg.inv(covariance + ZCA_EPSILON * np.eye(48))
    np.testing.assert_allclose(np.cov(values.T, bias=True), wanted, atol=2e-3)
    np.testing.assert_allclose(values.mean(0), 0, atol=1e-4)
    # Symmetric: a whitened patch looks like the patch, unlike with any other root.
    each = [np.corrcoef(a, b)[0, 1] for a, b in zip(flat[:50], values[:50], strict=True)]
    assert min(each) > 0.3
    # Neighbours were alike, and aren't any more.
    assert abs(np.corrcoef(flat[:, 0], flat[:, 1])[0, 1]) > 0.3
    assert abs(np.corrcoef(values[:, 0], values[:, 1])[0, 1]) < 0.2


def test_inverse_of_zca_has_the_mean_contrast() -> None:
    given = pictures()
    preprocessor = fitted(given, "zca")
    back = preprocessor.inverse(preprocessor(given))
    for before, after in zip(given[:30].flatten(1).float(), back.flatten(1).float(), strict=False):
        assert torch.corrcoef(torch.stack([before, after]))[0, 1] > 0.98
    spread = given.flatten(1).float().std(1).mean().item()
    assert back.flatten(1).float().std(1).mean().item() == pytest.approx(spread, rel=0.1)
    assert back.float().mean().item() == pytest.approx(given.float().mean().item(), abs=2)


def test_an_even_patch_does_not_become_noise() -> None:
    given = pictures()
    given[0] = 77
    preprocessor = fitted(given, "zca")
    assert preprocessor(given).isfinite().all()
    assert preprocessor(given[:1]).abs().max() < preprocessor(given).abs().max() / 3


def test_statistics_are_in_the_state_dict() -> None:
    given = pictures()
    for method in ("standard", "zca"):
        preprocessor = fitted(given, method)
        other = Preprocessor(vectors(given).info, method)
        other.load_state_dict(preprocessor.state_dict())
        assert torch.equal(other(given), preprocessor(given))
        assert torch.equal(
            other.inverse(preprocessor(given)), preprocessor.inverse(preprocessor(given))
        )


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("method", ["unit", "standard", "zca"])
def test_values_that_are_not_finite_are_refused(method: Method, wrong: float) -> None:
    values = torch.rand(10, 3)
    values[4, 1] = wrong
    with pytest.raises(ValueError, match="not finite"):
        fitted(values, method)


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


@pytest.mark.parametrize("method", ["unit", "standard", "zca"])
def test_one_example_is_refused(method: Method) -> None:
    with pytest.raises(ValueError, match="one training example"):
        fitted(torch.rand(1, 3), method)


@pytest.mark.parametrize("method", ["unit", "standard", "zca"])
@pytest.mark.parametrize(
    "values", [torch.tensor([[0.1, 0.9]]).repeat(1500, 1), pictures(1).repeat(1500, 1, 1, 1)]
)
def test_examples_that_are_all_the_same_are_refused(method: Method, values: Tensor) -> None:
    with pytest.raises(RockfallError, match="the same"):
        fitted(values, method)
    values = values.clone()
    values[-1].flatten()[-1] = 0
    fitted(values, method)


@pytest.mark.parametrize("method", ["unit", "centred", "standard", "zca"])
def test_what_is_held_are_pixels_whatever_became_of_them(method: Method) -> None:
    """Of whitened patches, those of normalised contrast, as which they were whitened."""
    preprocessor = fitted(pictures(), method)
    v, given = preprocessor(pictures(8, seed=1)), preprocessor(pictures(8, seed=2))
    clamped = torch.rand(v.shape, generator=torch.Generator().manual_seed(0)) < 0.5

    def pixels(values: Tensor) -> Tensor:
        return values @ preprocessor.unwhiten if method == "zca" else values

    kept = pixels(preprocessor.held(v, given, clamped))
    expected = pixels(given).where(clamped, pixels(v))
    torch.testing.assert_close(kept, expected, atol=1e-4, rtol=1e-4)
