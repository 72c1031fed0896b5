"""Models whose likelihood is exact: against quadrature, autograd and enumeration."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from rockfall.sources.dataset import Dataset
from rockfall_generators import logistic_mixture
from rockfall_generators.likelihood import check, evaluate
from rockfall_generators.pixelcnn import PixelCnn, PixelCnnConfig
from rockfall_generators.realnvp import RealNvp, RealNvpConfig, checkerboard
from tests.generators.stand_ins import dataset


def vectors(numbers: int) -> Dataset:
    values = torch.randn(200, numbers, generator=torch.Generator().manual_seed(0)) * 3 + 1
    return dataset(values, values[:50])


def pictures(*shape: int, levels: int = 256) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    values = torch.randint(0, levels, (60, *shape), generator=generator) * (255 // (levels - 1))
    return dataset(values.byte(), values[:20].byte())


def realnvp(data: Dataset, **given: Any) -> RealNvp:
    """With weights that are nowhere 0."""
    torch.manual_seed(0)
    settings: Any = {"couplings": 4, "hidden": 16, "batch_size": 10, **given}
    model = RealNvp(RealNvpConfig(**settings), data.info)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model


def pixelcnn(data: Dataset, **given: Any) -> PixelCnn:
    torch.manual_seed(0)
    settings: Any = {"channels": 8, "blocks": 2, "batch_size": 10, "mixture": 3, **given}
    return PixelCnn(PixelCnnConfig(**settings), data.info)


# Real NVP -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [vectors(2), vectors(5), pictures(2, 3, 3)], ids="258")
def test_the_flow_is_inverted(data: Dataset) -> None:
    model = realnvp(data).double()
    values = torch.randn(20, model.scaling.numel).double()
    with torch.no_grad():
        noise, _ = model.transform(values)
        torch.testing.assert_close(model.inverse(noise), values)
    assert (noise - values).abs().max() > 0.1


@pytest.mark.parametrize("numbers", [2, 5])
def test_the_log_determinant_is_autograds(numbers: int) -> None:
    model = realnvp(vectors(numbers)).double()
    values = torch.randn(6, numbers).double()
    _, found = model.transform(values)
    for value, log_det in zip(values, found, strict=True):
        jacobian = torch.autograd.functional.jacobian(
            lambda given: model.transform(given[None])[0][0], value
        )
        torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, log_det)


def test_a_density_integrates_to_one() -> None:
    model = realnvp(vectors(2)).double()
    axis = torch.linspace(-12, 12, 600).double()
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        mass = model.log_likelihood(grid).exp().sum() * (axis[1] - axis[0]) ** 2
    assert mass.item() == pytest.approx(1, abs=0.01)


def test_the_mapping_of_bytes_has_its_own_determinant() -> None:
    model = realnvp(pictures(1, 2, 2)).double()
    dequantised = torch.rand(5, 4).double()
    _, found = model._logit(dequantised)
    for value, log_det in zip(dequantised, found, strict=True):
        jacobian = torch.autograd.functional.jacobian(
            lambda given: model._logit(given[None] / 255)[0][0], value * 255
        )
        torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, log_det)


def test_bytes_come_back_from_their_noise() -> None:
    data = pictures(3, 4, 4)
    model = realnvp(data)
    inputs = data.test.inputs
    assert torch.equal(model.decode(model.latents(inputs, data.test.labels)), inputs)


def test_scores_are_densities_of_the_inputs() -> None:
    data = vectors(3)
    model = realnvp(data)
    inputs = data.test.inputs
    with torch.no_grad():
        values = (inputs - model.scaling.offset) / model.scaling.scale
        wanted = model.log_likelihood(values) - model.scaling.scale.log().sum()
    torch.testing.assert_close(model.score(inputs), wanted)


def test_a_mask_is_a_checkerboard() -> None:
    assert checkerboard((1, 2, 3)) == [False, True, False, True, False, True]
    assert checkerboard((4,)) == [False, True, False, True]
    with pytest.raises(ValueError, match="one number"):
        realnvp(vectors(1))


# PixelCNN -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_a_pixel_depends_on_those_before_it_alone(channels: int) -> None:
    model = pixelcnn(pictures(channels, 6, 6))
    values = torch.rand(1, channels, 6, 6, requires_grad=True)
    network = model.network
    seen = torch.zeros(36, 36)
    for position in range(36):
        (gradient,) = torch.autograd.grad(network(values).flatten(2)[:, :, position].sum(), values)
        seen[position] = gradient.abs().sum((0, 1)).flatten()
    assert (seen.triu() == 0).all()
    assert all(seen[position, position - 1] > 0 for position in range(36) if position % 6)
    assert all(seen[position, position - 6] > 0 for position in range(6, 36))


def test_binary_probabilities_of_all_pictures_sum_to_one() -> None:
    model = pixelcnn(pictures(1, 3, 3))
    every = torch.tensor(list(itertools.product((0.0, 1.0), repeat=9))).view(-1, 1, 3, 3)
    with torch.no_grad():
        total = model.log_likelihood(every).double().exp().sum()
    assert total.item() == pytest.approx(1, abs=1e-5)


def test_probabilities_of_all_pixels_in_colour_sum_to_one() -> None:
    """Of one red and green: 65,536 pixels of two channels."""
    torch.manual_seed(0)
    parameters = torch.randn(1, logistic_mixture.parameters(2, 3))
    values = torch.arange(256) / 255
    pixels = torch.cartesian_prod(values, values)
    found = logistic_mixture.log_probability(pixels, parameters.expand(len(pixels), -1))
    assert found.double().exp().sum().item() == pytest.approx(1, abs=1e-4)


def test_pixels_are_drawn_by_their_probabilities() -> None:
    torch.manual_seed(0)
    parameters = torch.randn(1, logistic_mixture.parameters(2, 3))
    drawn = logistic_mixture.sample(parameters.expand(40_000, -1), 2)
    values = torch.arange(256) / 255
    pixels = torch.cartesian_prod(values, values)
    found = logistic_mixture.log_probability(pixels, parameters.expand(len(pixels), -1)).exp()
    mean = (found[:, None] * pixels).sum(0)
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.01, rtol=0)
    product = (found * pixels.prod(1)).sum()
    torch.testing.assert_close(drawn.prod(1).mean(), product, atol=0.01, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_position_by_position_is_the_whole_pass(channels: int) -> None:
    model = pixelcnn(pictures(channels, 5, 4))
    network, values = model.network, torch.randn(3, channels, 5, 4)
    with torch.no_grad():
        whole = network(values)
        states = network.begin(values)
        for row, column in itertools.product(range(5), range(4)):
            found = network.at(states, row, column)
            torch.testing.assert_close(found, whole[:, :, row, column])
            network.put(states, values[:, :, row, column], row, column)


def test_samples_have_the_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rockfall_generators.pixelcnn.KEPT_NUMBERS", 100_000)  # in parts
    model = pixelcnn(pictures(1, 2, 2))
    every = torch.tensor(list(itertools.product((0, 1), repeat=4))).view(-1, 1, 2, 2)
    with torch.no_grad():
        wanted = model.log_likelihood(every.float()).exp()
    torch.manual_seed(0)
    samples = model.sample(20_000) // 255
    places = (samples.flatten(1) * torch.tensor([8, 4, 2, 1])).sum(1)
    found = places.bincount(minlength=16) / 20_000
    torch.testing.assert_close(found, wanted, atol=0.012, rtol=0)


# The figure ---------------------------------------------------------------------------------------


def test_the_figure_is_the_mean_of_the_test_split() -> None:
    data = vectors(3)
    model = realnvp(data)
    found = evaluate(model, data)["log-likelihood"]
    assert found["value"] == pytest.approx(model.score(data.test.inputs).mean().item(), abs=1e-4)
    assert list(found["baselines"]) == ["independent inputs"]
    assert "note" not in found


def test_the_figure_says_what_it_is_of() -> None:
    with torch.no_grad():
        binary = evaluate(pixelcnn(pictures(1, 4, 4)), pictures(1, 4, 4))["log-likelihood"]
        data = pictures(3, 4, 4)
        colour = evaluate(pixelcnn(data), data)["log-likelihood"]
        flow = evaluate(realnvp(data), data)["log-likelihood"]
    assert binary["note"] == "every pixel binarised once, at random"
    bits = -colour["value"] / 48 / math.log(2)
    assert colour["note"] == f"{bits:.3f} bits a number"
    assert flow["note"].startswith("bound by uniform dequantisation, ")
    assert flow["value"] < 0 and binary["value"] < 0


def test_check_finds_a_probability_above_one(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pictures(1, 4, 4)
    model = pixelcnn(data)
    with torch.no_grad():
        check(model, data)
        right = model.log_likelihood

        def wrong(x: Tensor) -> Tensor:
            return right(x) + 100

        monkeypatch.setattr(model, "log_likelihood", wrong)
        with pytest.raises(AssertionError, match="above 1"):
            check(model, data)
