"""The VAE's family: IWAE, β-TCVAE and VQ-VAE, against closed forms and enumeration."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal

import rockfall
from rockfall.sources.dataset import Dataset
from rockfall_generators.beta_tc_vae import BetaTcVae, BetaTcVaeConfig
from rockfall_generators.iwae import Iwae, IwaeConfig
from rockfall_generators.vq_vae import VqVae, VqVaeConfig
from tests.generators.linear_gaussian import LinearGaussian
from tests.generators.stand_ins import dataset


def pictures(*shape: int) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    values = (torch.rand(60, *shape, generator=generator) < 0.3).byte() * 255
    return dataset(values, values[:20])


def linear(kind: Any, config: Any, error: float = 0.0) -> tuple[LinearGaussian, Any]:
    """The model of known weights, as one of another class."""
    made = LinearGaussian(error)
    model = kind(config, made.data.info).double()
    model.load_state_dict(made.model.state_dict())
    made.model = model
    return made, model


def given(model: Any, made: LinearGaussian) -> tuple[Tensor, Tensor]:
    values = ((made.x.double() - made.shift) / made.scale).double()
    return values, model.conditions(torch.zeros(len(values)))


# IWAE ---------------------------------------------------------------------------------------------


def iwae(samples: int, error: float = 0.0) -> tuple[LinearGaussian, Any]:
    config: Any = {"latent": 2, "hidden": (), "batch_size": 10, "importance_samples": samples}
    return linear(Iwae, IwaeConfig(**config), error)


def test_with_the_true_posterior_the_loss_is_the_likelihood() -> None:
    made, model = iwae(7)
    torch.manual_seed(0)
    loss, _ = model.loss(*given(model, made), torch.tensor(1.0))
    wanted = -made.log_evidence().mean().item() - model.log_det_scale
    assert loss.item() == pytest.approx(wanted, abs=1e-4)


def test_more_samples_are_a_tighter_bound() -> None:
    losses = []
    for samples in (1, 10, 300):
        made, model = iwae(samples, error=0.8)
        torch.manual_seed(0)
        with torch.no_grad():
            several = [
                model.loss(*given(model, made), torch.tensor(1.0))[0].item() for _ in range(30)
            ]
        losses.append(sum(several) / len(several))
    elbo = -made.elbo().mean().item() - model.log_det_scale
    evidence = -made.log_evidence().mean().item() - model.log_det_scale
    assert losses[0] == pytest.approx(elbo, abs=0.2)
    assert losses[0] > losses[1] > losses[2]
    assert losses[2] == pytest.approx(evidence, abs=0.1)


def test_the_gradient_weighs_samples_by_their_share() -> None:
    made, model = iwae(4, error=0.5)
    values, conditions = given(model, made)
    values, conditions = values[:1], conditions[:1]
    torch.manual_seed(1)
    loss, _ = model.loss(values, conditions, torch.tensor(1.0))
    loss.backward()
    found = model.decoder[0].bias.grad.clone()
    model.zero_grad()
    mean, log_variance = model.posterior(values, conditions)
    std = (log_variance / 2).exp()
    torch.manual_seed(1)
    z = (mean + std * torch.randn(4, 1, 2)).flatten(0, 1).double()
    log_w = (
        model.log_likelihood(values.expand(4, -1), z, conditions.expand(4, -1))
        + Normal(0.0, 1.0).log_prob(z).sum(1)
        - Normal(mean, std).log_prob(z).sum(1)
    )
    (-(log_w.softmax(0).detach() * log_w).sum()).backward()
    torch.testing.assert_close(found, model.decoder[0].bias.grad, rtol=1e-4, atol=1e-5)


# β-TCVAE ------------------------------------------------------------------------------------------


def tc(beta: float = 6.0) -> BetaTcVae:
    torch.manual_seed(0)
    data: Any = rockfall.open_source("digits")
    settings: Any = {"latent": 3, "hidden": (8,), "batch_size": 10, "beta": beta}
    return BetaTcVae(BetaTcVaeConfig(**settings), data.info)


def test_the_three_terms_are_the_kl() -> None:
    mean, log_variance = torch.randn(30, 3), torch.randn(30, 3)
    latents = mean + (log_variance / 2).exp() * torch.randn(30, 3)
    posterior = Normal(mean, (log_variance / 2).exp())
    wanted = (posterior.log_prob(latents) - Normal(0.0, 1.0).log_prob(latents)).sum(1).mean()
    torch.testing.assert_close(torch.stack(tc().terms(latents, mean, log_variance)).sum(), wanted)


def test_the_total_correlation_is_that_of_the_aggregate_posterior() -> None:
    """Of latents that are one and the same, and of independent ones; estimated from all examples,
    it is ½ log 1 / (1 − ρ²) of two Gaussians.
    """
    model, count = tc(), 2000
    model.examples = count
    torch.manual_seed(0)
    shared, apart = torch.randn(count, 1), torch.randn(count, 2)
    log_variance = torch.full((count, 2), math.log(0.25))
    found = []
    for mean in (shared.expand(-1, 2), apart):
        latents = mean + 0.5 * torch.randn(count, 2)
        scaled = model.terms(latents, mean, log_variance)[1].item()
        found.append(scaled - math.log(count))  # the estimate of minibatch-weighted sampling
    correlation = 1 / 1.25
    wanted = -math.log(1 - correlation**2) / 2
    assert found[0] - found[1] == pytest.approx(wanted, abs=0.1)


def test_beta_weighs_the_correlation_alone() -> None:
    model, data = tc(beta=4.0), rockfall.open_source("digits")
    values = model.preprocess(data.train.inputs[:20])  # type: ignore[attr-defined]
    conditions = torch.empty(20, 0)
    losses = []
    for beta in (4.0, 1.0):
        model.config = model.config.model_copy(update={"beta": beta})
        torch.manual_seed(2)
        losses.append(model.loss(values, conditions, torch.tensor(0.5)))
    (first, terms), (second, _) = losses
    torch.testing.assert_close(first - second, 0.5 * 3 * terms["total correlation"])


# VQ-VAE -------------------------------------------------------------------------------------------


def vq(data: Dataset, **asked: Any) -> VqVae:
    torch.manual_seed(0)
    settings: Any = {"codes": 3, "dimension": 4, "channels": 4, "batch_size": 10, **asked}
    return VqVae(VqVaeConfig(**settings), data.info)


def test_the_nearest_code_is_the_nearest() -> None:
    model = vq(pictures(1, 8, 8))
    vectors = torch.randn(5, 4, 4, 4)
    apart = (vectors[:, None] - model.codes[:, :, None, None]).square().sum(2)
    assert torch.equal(model.nearest(vectors), apart.argmin(1))
    indices = model.nearest(vectors)
    assert torch.equal(model.vectors(indices)[2, :, 1, 3], model.codes[indices[2, 1, 3]])


def test_gradients_pass_the_codes_as_if_they_were_not_there() -> None:
    model = vq(pictures(1, 8, 8), commitment=0.0)
    x = model.observe(pictures(1, 8, 8).test.inputs)
    model.loss(x)[0].backward()
    codes = model.vectors(model.nearest(model.encoder(x))).detach().requires_grad_()
    (-model.log_likelihood_given(x, codes).mean()).backward()
    model.codes.grad = None
    last: Any = model.encoder[-1]
    torch.testing.assert_close(last.bias.grad, codes.grad.sum((0, 2, 3)))  # type: ignore[union-attr]


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (1, 28, 28)])
def test_every_parameter_learns(shape: tuple[int, ...]) -> None:
    data = pictures(*shape)
    model = vq(data)
    x = model.observe(data.test.inputs)
    indices = model.nearest(model.encoder(x))
    (model.loss(x)[0] - model.log_prior(indices).mean()).backward()
    assert model.grid == ((7, 7) if shape[1] == 28 else (4, 4))
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_the_bound_is_a_part_of_the_likelihood() -> None:
    """p(x) is a sum over all grids of codes, of which the bound has one."""
    data = pictures(1, 4, 4)
    model = vq(data)
    x = model.observe(data.test.inputs[:3])
    grids = torch.tensor(list(itertools.product(range(3), repeat=4))).view(-1, 2, 2)
    with torch.no_grad():
        log_prior = model.log_prior(grids)
        assert log_prior.exp().sum().item() == pytest.approx(1, abs=1e-4)
        bound = model.log_likelihood(x)
        codes = model.vectors(grids)
        for number, picture in enumerate(x):
            every = picture.expand(len(grids), -1, -1, -1)
            joint = model.log_likelihood_given(every, codes) + log_prior
            assert (joint - bound[number]).abs().min() < 1e-4
            assert bound[number] <= joint.logsumexp(0) + 1e-5


def test_codes_are_drawn_by_the_prior() -> None:
    model = vq(pictures(1, 4, 4))
    with torch.no_grad():
        nn.init.normal_(model.prior.outward.bias)
        grids = torch.tensor(list(itertools.product(range(3), repeat=4))).view(-1, 2, 2)
        wanted = model.log_prior(grids).exp()
        torch.manual_seed(0)
        drawn = model._draw(20_000)
    places = (drawn.flatten(1) * torch.tensor([27, 9, 3, 1])).sum(1)
    found = places.bincount(minlength=81) / 20_000
    torch.testing.assert_close(found, wanted, atol=0.012, rtol=0)


def test_sides_that_make_no_grid_are_refused() -> None:
    with pytest.raises(ValueError, match=r"source\.size=32"):
        vq(pictures(1, 33, 33))
