"""The VAE, against torch's distributions, and by what it learns."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence

import rockfall
from rockfall.errors import UsageError
from rockfall.sources.dataset import Batch, Dataset
from rockfall_generators.conditions import ClassConditions
from rockfall_generators.cvae import Cvae
from rockfall_generators.vae import MIN_STD, Vae, VaeConfig, kl
from tests.generators.linear_gaussian import LinearGaussian, vectors


def digits() -> Dataset:
    data = rockfall.open_source("digits")
    assert isinstance(data, Dataset)
    return data


def small(data: Dataset, kind: type[Vae] = Vae, /, **given: Any) -> Vae:
    torch.manual_seed(0)
    settings: Any = {"latent": 3, "hidden": (8,), "channels": 2, "batch_size": 10, **given}
    return kind(VaeConfig(**settings), data.info)


def some(model: Vae, data: Dataset, count: int = 6) -> tuple[Tensor, Tensor]:
    batch = data.train[:count]
    torch.manual_seed(1)
    return model.preprocess(batch.inputs), model.conditions(batch.labels)


def train(out: Path, model: str = "vae", source: str = "digits", **given: Any) -> Any:
    said: list[rockfall.Event] = []
    run = rockfall.train(model, source, out=out, listeners=[said.append], **given)
    return run, [event.data["message"] for event in said if event.kind == "warning"]


# The bound --------------------------------------------------------------------------------------


@given(mean=st.floats(-5, 5), log_variance=st.floats(-8, 4))
@settings(max_examples=30, deadline=None)
def test_kl_is_torchs(mean: float, log_variance: float) -> None:
    mine = kl(torch.tensor(mean).double(), torch.tensor(log_variance).double())
    theirs = kl_divergence(Normal(mean, math.exp(log_variance / 2)), Normal(0.0, 1.0))
    assert mine.item() == pytest.approx(theirs.item(), abs=1e-5)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_likelihoods_are_torchs(likelihood: str, network: str) -> None:
    data = digits()
    model = small(data, likelihood=likelihood, network=network).eval()
    values, conditions = some(model, data)
    latents = torch.randn(6, 3)
    made = model.decoder(latents)
    if likelihood == "bernoulli":
        wanted = Bernoulli(logits=made).log_prob(values)
    else:
        wanted = Normal(made, model.std).log_prob(values)
    found = model.log_likelihood(values, latents, conditions)
    torch.testing.assert_close(found, wanted.flatten(1).sum(1), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_loss_is_minus_the_elbo(likelihood: str) -> None:
    data = digits()
    model = small(data, likelihood=likelihood)
    values, conditions = some(model, data)
    torch.manual_seed(2)
    loss, terms = model.loss(values, conditions, torch.tensor(model.beta(0.5)))
    mean, log_variance = model.posterior(values, conditions)
    posterior = Normal(mean, (log_variance / 2).exp())
    torch.manual_seed(2)
    latents = posterior.rsample()
    reconstruction = -model.log_likelihood(values, latents, conditions).mean()
    divergence = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(terms["reconstruction"], reconstruction)
    torch.testing.assert_close(terms["kl"], divergence)
    torch.testing.assert_close(loss, reconstruction + divergence)


def test_beta_weighs_the_kl() -> None:
    data = digits()
    model = small(data, beta=3.0)
    loss, terms = model.loss(*some(model, data), torch.tensor(model.beta(0.5)))
    torch.testing.assert_close(loss, terms["reconstruction"] + 3 * terms["kl"])


@pytest.mark.parametrize(("progress", "share"), [(0.0, 0), (0.1, 0.25), (0.4, 1), (0.9, 1)])
def test_the_kl_comes_in_slowly(progress: float, share: float) -> None:
    data = digits()
    model = small(data, beta=3.0, kl_warmup=0.4)
    loss, terms = model.loss(*some(model, data), torch.tensor(model.beta(progress)))
    torch.testing.assert_close(loss, terms["reconstruction"] + 3 * share * terms["kl"])


def test_free_bits_are_of_each_latents_mean() -> None:
    data = digits()
    model = small(data, free_bits=0.7, beta=2.0)
    with torch.no_grad():
        last = model.encoder[-1]
        last.weight[:3] *= 0
        last.bias[:3] = torch.tensor([0.1, 2.0, 1.0])  # of latent means: below, above, just below
        last.weight[3:] *= 0
        last.bias[3:] = 0
    loss, terms = model.loss(*some(model, data), torch.tensor(model.beta(0.5)))
    assert terms["kl"].item() == pytest.approx((0.01 + 4 + 1) / 2, abs=1e-5)
    counted = 0.7 + 2 + 0.7
    assert loss.item() == pytest.approx(terms["reconstruction"].item() + 2 * counted, abs=1e-4)


def test_free_bits_leave_a_poor_latent_alone() -> None:
    """What is free gives no gradient, and what is above it its own."""
    data = digits()
    gradients = []
    for free in (0.0, 100.0):
        model = small(data, free_bits=free)
        loss, terms = model.loss(*some(model, data), torch.tensor(model.beta(0.5)))
        (loss - terms["reconstruction"]).backward()
        bias = model.encoder[-1].bias
        gradients.append(0.0 if bias.grad is None else bias.grad.abs().sum().item())
    assert gradients[0] > 0
    assert gradients[1] == 0


@pytest.mark.parametrize("kind", [Vae, Cvae])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_every_parameter_learns(kind: type[Vae], likelihood: str, network: str) -> None:
    data = digits()
    model = small(data, kind, likelihood=likelihood, network=network)
    loss, _ = model.loss(*some(model, data, 20), torch.tensor(model.beta(0.5)))
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_the_deviation_begins_with_the_datas() -> None:
    data = digits()
    values = data.train.inputs.float() / 255
    assert small(data, likelihood="gaussian").std.item() == pytest.approx(
        values.std().item() + MIN_STD, rel=0.01
    )


# Values -----------------------------------------------------------------------------------------


def test_pixels_are_drawn_anew_unless_told_otherwise() -> None:
    data = digits()
    inputs = data.train.inputs[:50]
    model = small(data)
    first, second = model.preprocess(inputs), model.preprocess(inputs)
    assert ((first == 0) | (first == 1)).all()
    assert not torch.equal(first, second)
    grey = small(data, binarise=False).preprocess(inputs)
    torch.testing.assert_close(grey, inputs.float() / 255)
    torch.testing.assert_close(small(data, likelihood="gaussian").preprocess(inputs), grey)


# What it can do ---------------------------------------------------------------------------------


@pytest.mark.long
def test_the_score_is_the_elbo() -> None:
    made = LinearGaussian(error=0.3)
    exact = made.elbo().mean().item()
    model = made.model.float()
    values, conditions = model.scaling(made.x), model.conditions(torch.zeros(200))
    with torch.no_grad():
        found = model.elbo(values, conditions, torch.randn(4000, 2)).mean().item()
        few = model.elbo(values, conditions, model.fixed_noise(16))
    assert found == pytest.approx(exact, abs=0.1)
    assert torch.equal(model.score(made.x), few)


def test_the_score_of_an_example_is_its_own() -> None:
    data = digits()
    model = small(data)
    inputs = data.test.inputs[:20]
    whole = model.score(inputs)
    torch.testing.assert_close(whole[7:8], model.score(inputs[7:8]))
    assert torch.equal(whole, model.score(inputs))


def test_latents_are_the_posteriors_means() -> None:
    data = digits()
    model = small(data)
    inputs, labels = data.test[:5]
    mean, _ = model.posterior(inputs.float() / 255, model.conditions(labels))
    torch.testing.assert_close(model.encode(inputs), mean)
    torch.testing.assert_close(model.latents(inputs, labels), mean)
    assert torch.equal(model.reconstruct(inputs), model.decode(mean))
    assert not model.encode(inputs).requires_grad


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_pictures_are_decoded_to_means(likelihood: str) -> None:
    data = digits()
    model = small(data, likelihood=likelihood)
    latents = torch.randn(5, 3)
    made = model.decoder(latents)
    mean = made.sigmoid() if likelihood == "bernoulli" else made
    wanted = (mean * 255).round().clamp(0, 255).byte()
    assert torch.equal(model.decode(latents), wanted)


def test_samples_of_vectors_have_their_noise() -> None:
    made = LinearGaussian()
    made.model.float()
    torch.manual_seed(0)
    found = made.model.sample(50_000).double()
    spread = torch.diag(made.scale)
    noise = torch.eye(4).double() * made.deviation**2
    wanted = spread @ (made.weight @ made.weight.T + noise) @ spread
    error = (torch.cov(found.T) - wanted).abs() / wanted.diag().sqrt().outer(wanted.diag().sqrt())
    assert error.max() < 0.03
    mean = made.bias * made.scale + made.shift
    assert ((found.mean(0) - mean).abs() / wanted.diag().sqrt()).max() < 0.03


def test_filters_are_the_first_weights() -> None:
    data = digits()
    assert small(data).filters().shape == (8, 1, 8, 8)
    assert small(data, Cvae).filters().shape == (8, 1, 8, 8)
    assert small(data, Cvae, network="conv").filters().shape == (2, 1, 4, 4)
    assert small(vectors(torch.randn(20, 5))).filters().shape == (8, 5)


def test_layers_end_with_the_latents() -> None:
    data = digits()
    inputs = data.test.inputs[:5]
    model = small(data, hidden=(8, 6))
    found = model.layers(inputs)
    assert list(found) == ["layer 1", "layer 2", "latents"]
    first = model.encoder[0](inputs.float().flatten(1) / 255).relu()
    torch.testing.assert_close(found["layer 1"], first)
    torch.testing.assert_close(found["latents"], model.encode(inputs))


# Classes ----------------------------------------------------------------------------------------


def test_latents_end_with_the_class() -> None:
    data = digits()
    model = small(data, Cvae)
    inputs, labels = data.test[:5]
    found = model.latents(inputs, labels)
    assert found.shape == (5, 13)
    assert torch.equal(found[:, 3:].argmax(1), labels)
    assert (found[:, 3:].sum(1) == 1).all()


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_encoder_and_decoder_are_told(network: str) -> None:
    data = digits()
    model = small(data, Cvae, network=network).eval()
    values = data.test.inputs[:4].float() / 255
    means, made = [], []
    for label in (0, 7):
        conditions = model.conditions(torch.full((4,), label))
        means.append(model.posterior(values, conditions)[0])
        made.append(model.decoder_output(torch.zeros(4, 3), conditions))
    assert not torch.allclose(*means)
    assert not torch.allclose(*made)


def test_an_unknown_class_is_the_one_of_the_highest_bound() -> None:
    data = digits()
    model = small(data, Cvae)
    assert isinstance(model.conditions, ClassConditions)
    model.conditions.fit(data.train.labels)
    inputs = data.test.inputs[:6]
    values = inputs.float() / 255
    bounds = []
    for label in range(10):
        conditions = model.conditions(torch.full((6,), label))
        mean, log_variance = model.posterior(values, conditions)
        said = model.log_likelihood(values, mean, conditions) - kl(mean, log_variance).sum(1)
        bounds.append(said + model.conditions.shares[label].log())
    wanted = torch.stack(bounds, 1).argmax(1)
    assert torch.equal(model.infer_conditions(values).argmax(1), wanted)
    torch.testing.assert_close(model.encode(inputs), model.latents(inputs, wanted)[:, :3])


def test_the_score_is_over_all_classes() -> None:
    data = digits()
    model = small(data, Cvae)
    inputs = data.test.inputs[:4]
    values = inputs.float() / 255
    with torch.no_grad():
        each = [
            model.elbo(
                values, model.conditions(torch.full((4,), label)), model.fixed_noise(16)
            ).exp()
            / 10
            for label in range(10)
        ]
    torch.testing.assert_close(model.score(inputs), torch.stack(each).sum(0).log())


def test_classes_are_drawn_as_often_as_they_occur(monkeypatch: pytest.MonkeyPatch) -> None:
    data = digits()
    model = small(data, Cvae)
    assert isinstance(model.conditions, ClassConditions)
    model.conditions.fit(torch.tensor([2] * 30 + [9] * 10))
    drawn: list[Tensor] = []
    monkeypatch.setattr(model, "sample_of", drawn.append)
    model.sample(4000)
    counts = drawn[0].bincount(minlength=10)
    assert counts[2] + counts[9] == 4000
    assert counts[2].item() == pytest.approx(3000, abs=150)


# Learning ---------------------------------------------------------------------------------------


@pytest.mark.long
def test_it_learns_digits(tmp_path: Path) -> None:
    run, warned = train(tmp_path, epochs=40, hidden=(64,), lr=5e-3)
    figures = run.result["figures"]
    found = figures["IWAE bound"]
    assert found["value"] > found["baselines"]["independent pixels"]["value"] + 1.5
    assert figures["ELBO"]["value"] <= found["value"]
    error = figures["reconstruction error"]
    assert error["value"] < error["baselines"]["mean picture"]["value"] * 0.6
    assert not warned
    lines = run.metrics
    assert {"loss", "reconstruction", "kl"} <= lines[0].keys()
    watched = [line for line in lines if "validation elbo" in line]
    assert len(watched) == 40
    assert watched[-1]["validation elbo"] > watched[0]["validation elbo"]
    assert 1 <= watched[-1]["active_units"] <= 10
    model = run.model
    real = digits().test.inputs
    shuffled = real.flatten(1)[:, torch.randperm(64)].view_as(real)
    assert model.score(real).mean() > model.score(shuffled).mean() + 3


@pytest.mark.long
def test_a_class_it_is_told_makes_a_difference(tmp_path: Path) -> None:
    run, _ = train(tmp_path, "cvae", epochs=40, hidden=(64,), lr=5e-3)
    model, data = run.model, digits()
    torch.manual_seed(0)
    mean = model.sample_of(torch.arange(10).repeat_interleave(20)).view(10, 20, -1).float().mean(1)
    real = torch.stack(
        [data.train.inputs[data.train.labels == y].float().mean(0).flatten() for y in range(10)]
    )
    assert torch.equal(torch.cdist(mean, real).argmin(1), torch.arange(10))
    values = data.test.inputs.float() / 255
    right = model.infer_conditions(values).argmax(1) == data.test.labels
    assert right.float().mean() > 0.8


@pytest.mark.long
def test_numbers_keep_their_mean_and_variance(tmp_path: Path) -> None:
    run, _ = train(tmp_path, source="gaussian-1d")
    torch.manual_seed(0)
    made = run.model.sample(10_000)
    assert made.mean().item() == pytest.approx(4, abs=0.1)
    assert made.var().item() == pytest.approx(0.5, abs=0.1)


@pytest.mark.long
def test_a_collapse_is_said_once(tmp_path: Path) -> None:
    _, warned = train(tmp_path, epochs=6, hidden=(16,), beta=1000.0)
    assert len(warned) == 1
    assert "posterior collapse" in warned[0] and "free_bits" in warned[0]


# Refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "given", "said"),
    [
        ("digits", {"latent": 0}, "latent.*greater than or equal to 1"),
        ("digits", {"hidden": (10_000_000,)}, "weights are more than"),
        ("gaussian-1d", {"likelihood": "bernoulli"}, "from 0 to 1.* likelihood=gaussian takes"),
        ("ring", {"network": "conv"}, "network=mlp takes them"),
    ],
)
def test_refusals_come_before_any_training(
    tmp_path: Path, source: str, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        train(tmp_path, source=source, **given)
    assert not any(tmp_path.iterdir())


def test_a_size_that_convolutions_cant_make(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"never gives 9 × 9"):
        train(tmp_path, network="conv", source_options={"size": 9})


@pytest.mark.long
def test_watching_is_always_by_the_same_noise(tmp_path: Path) -> None:
    """Or curves would show chance beside progress."""
    run, _ = train(tmp_path, epochs=3, hidden=(8,), lr=1e-12)
    elbos = [line["validation elbo"] for line in run.metrics if "validation elbo" in line]
    assert max(elbos) - min(elbos) < 1e-4


def test_one_batch_is_enough_to_watch() -> None:
    data = digits()
    model = small(data).eval()
    watched = model.validation_metrics(
        Batch(data.validation.inputs[:1], data.validation.labels[:1])
    )
    assert watched["active_units"] == 0
