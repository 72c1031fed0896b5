"""The autoencoder, against principal components and torch's losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor
from torch.nn import functional as F

import rockfall
from rockfall.errors import UsageError
from rockfall.sources.dataset import Batch, Dataset
from rockfall_generators.autoencoder import Autoencoder, AutoencoderConfig
from tests.generators.linear_gaussian import vectors


def digits() -> Dataset:
    data = rockfall.open_source("digits")
    assert isinstance(data, Dataset)
    return data


def small(data: Dataset, **given: Any) -> Autoencoder:
    torch.manual_seed(0)
    settings: Any = {"latent": 3, "hidden": (8,), "channels": 2, "batch_size": 10, **given}
    return Autoencoder(AutoencoderConfig(**settings), data.info)


def train(out: Path, source: str = "digits", **given: Any) -> Any:
    return rockfall.train("autoencoder", source, out=out, listeners=[], **given)


@pytest.mark.long
@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_losses_are_sums_over_numbers_and_means_over_examples(network: str) -> None:
    data = digits()
    values = data.train.inputs[:6].float() / 255
    conditions = torch.empty(6, 0)
    squared = small(data, network=network).eval()
    made = squared.decoder(squared.encoder_output(values, conditions))
    loss, _ = squared.loss(values, conditions, torch.zeros(()))
    torch.testing.assert_close(loss, (made - values).square().flatten(1).sum(1).mean())
    crossed = small(data, network=network, loss="cross-entropy").eval()
    made = crossed.decoder(crossed.encoder_output(values, conditions)).sigmoid()
    loss, _ = crossed.loss(values, conditions, torch.zeros(()))
    wanted = F.binary_cross_entropy(made, values, reduction="none").flatten(1).sum(1).mean()
    torch.testing.assert_close(loss, wanted)


@pytest.mark.parametrize("loss", ["squared-error", "cross-entropy"])
@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_every_parameter_learns(network: str, loss: str) -> None:
    data = digits()
    model = small(data, network=network, loss=loss)
    given, _ = model.loss(data.train.inputs[:20].float() / 255, torch.empty(20, 0), torch.zeros(()))
    given.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.long
def test_without_hidden_layers_it_finds_the_principal_components(tmp_path: Path) -> None:
    """Baldi and Hornik 1989: of all linear autoencoders, none is better."""
    run = train(tmp_path, latent=4, hidden=(), epochs=100, lr=3e-2)
    test, trained = (split.inputs.flatten(1) / 255 for split in (digits().test, digits().train))
    components = PCA(4).fit(trained.numpy())
    theirs = components.inverse_transform(components.transform(test.numpy()))
    wanted = float(((theirs - test.numpy()) ** 2).mean())
    found = run.result["figures"]["reconstruction error"]["value"]
    assert found == pytest.approx(wanted, rel=0.03)


@pytest.mark.long
def test_it_learns_digits(tmp_path: Path) -> None:
    run = train(tmp_path, epochs=40, hidden=(64,))
    error = run.result["figures"]["reconstruction error"]
    assert error["value"] < error["baselines"]["mean picture"]["value"] / 5
    lines = run.metrics
    losses = [line["validation_loss"] for line in lines if "validation_loss" in line]
    assert len(losses) == 40
    assert losses[-1] < losses[0] / 3
    pictures = run.directory.pictures
    # How many more than the first is decided by how long drawing takes: see the core's tests.
    assert list(pictures.glob("samples-*.png"))


def test_samples_are_of_the_training_latents_gaussian() -> None:
    data = digits()
    model = small(data)
    model.fit_prior(data.train[:])
    found = model.encode(data.train.inputs)
    seen: list[Tensor] = []
    model.decode = lambda latents: (seen.append(latents), latents)[1]  # type: ignore[method-assign]
    torch.manual_seed(0)
    model.sample(200_000)
    deviations = found.std(0)
    wanted = torch.cov(found.T, correction=0)
    error = (torch.cov(seen[0].T) - wanted).abs() / deviations.outer(deviations)
    assert error.max() < 0.02
    assert ((seen[0].mean(0) - found.mean(0)).abs() / deviations).max() < 0.02
    off = wanted / deviations.outer(deviations) - torch.eye(3)
    assert off.abs().max() > 0.05  # or a diagonal covariance would do as well


@pytest.mark.long
def test_the_gaussian_is_the_finished_models(tmp_path: Path) -> None:
    run = train(tmp_path, epochs=2, hidden=(8,), latent=3)
    found = run.model.encode(digits().train.inputs).double()
    torch.testing.assert_close(run.model.prior_mean.double(), found.mean(0), rtol=1e-4, atol=1e-4)
    covariance = run.model.prior_factor @ run.model.prior_factor.T
    torch.testing.assert_close(
        covariance.double(), torch.cov(found.T, correction=0), rtol=1e-3, atol=1e-4
    )
    again = rockfall.open_run(run.name, out=tmp_path).model
    assert torch.equal(again.spread, run.model.prior_factor)


def test_a_latent_that_never_changes_does_no_harm() -> None:
    data = digits()
    model = small(data)
    with torch.no_grad():
        last = model.encoder[-1]
        last.weight[1] = 0
    model.fit_prior(data.train[:])
    torch.manual_seed(0)
    assert model.prior_factor.isfinite().all()
    model.fit_prior(Batch(data.train.inputs[:1], data.train.labels[:1]))
    assert model.prior_factor.isfinite().all()
    assert model.sample(5).shape == (5, 1, 8, 8)


def test_latents_have_no_class() -> None:
    data = digits()
    model = small(data)
    inputs, labels = data.test[:5]
    assert torch.equal(model.latents(inputs, labels), model.encode(inputs))
    assert model.encode(inputs).shape == (5, 3)
    assert torch.equal(model.decode(model.encode(inputs)), model.reconstruct(inputs))


@pytest.mark.long
def test_vectors_come_back_in_their_own_units(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(50, 3, generator=generator) * torch.tensor([1.0, 100.0, 0.01]) + 7
    model = small(vectors(values), latent=3, hidden=())
    with torch.no_grad():
        for layer in (model.encoder[-1], model.decoder[0]):
            layer.weight.copy_(torch.eye(3))
            layer.bias.zero_()
    torch.testing.assert_close(model.reconstruct(values), values, rtol=1e-4, atol=1e-4)


def test_probabilities_are_taken_as_they_are() -> None:
    values = torch.rand(50, 3)
    model = small(vectors(values), loss="cross-entropy")
    assert torch.equal(model.scaling(values), values)


@pytest.mark.parametrize(
    ("source", "given", "said"),
    [
        ("digits", {"latent": 0}, "latent.*greater than or equal to 1"),
        ("gaussian-1d", {"loss": "cross-entropy"}, "from 0 to 1.* loss=squared-error takes"),
    ],
)
def test_refusals_come_before_any_training(
    tmp_path: Path, source: str, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        train(tmp_path, source, **given)
    assert not any(tmp_path.iterdir())
