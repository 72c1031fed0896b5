"""`bounds`: bounds the log-likelihood from below. Its figures are the ELBO of the test split and
the importance-weighted bound, nats an example, beside inputs that know nothing of one another.

With z_1 … z_k from q(z | x) (Burda et al. 2016, "Importance weighted autoencoders", equation 8),

    L_k = E[log (1/k) Σ_i w_i],  w_i = p(x | z_i) p(z_i) / q(z_i | x),  L_1 = ELBO ≤ L_k ≤ log p(x)
"""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall import Dataset, Measurements, fork_rng, measurement
from rockfall.kit.drawing import are_pictures

DRAWS = 500
"""k, as Burda et al. 2016 report it."""
MOST_BOUNDED = 1000
"""Test examples, at even distances: 500,000 decodings are some ten seconds for MNIST."""
MOST_COUNTED = 10_000
"""Training examples from which it is counted how often each pixel is on."""
BATCH = 100
NUMBERS = 2_000_000
"""That are decoded at a time, so that what lies in memory is bounded."""


@runtime_checkable
class Bounds(Protocol):
    """Has latents z of which p(z) = N(0, I), an encoder q(z | x) = N(μ, diag σ²), and p(x | z)."""

    binary: bool
    """Whether x is of zeros and ones, so that p(x) is a probability, not a density."""
    log_volume: float
    """What log p of x, as the model scales it, is more than log p of the inputs."""

    def drawn(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → x (N, …). Where x is binary, it is drawn from
        torch's global generator with the inputs as probabilities.
        """

    def told(self, labels: Tensor, /) -> Tensor:
        """Labels (N,) → what the model is told of them (N, K); K is 0 if that is nothing."""

    def posterior(self, x: Tensor, told: Tensor, /) -> tuple[Tensor, Tensor]:
        """x (N, …), told (N, K) → μ and log σ² of q(z | x), (N, D) each."""

    def log_likelihood(self, x: Tensor, z: Tensor, told: Tensor, /) -> Tensor:
        """x (N, …), z (N, D), told (N, K) → log p(x | z) (N,)."""


def evaluate(
    model: Bounds, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """Both bounds on at most `limit` test examples, by the same draws; and log p without latents.

    A model that is told the class bounds log p(x | class).
    """
    test = source.test.evenly_spaced(min(limit or MOST_BOUNDED, MOST_BOUNDED))
    x, told = model.drawn(test.inputs), model.told(test.labels)
    weights = torch.cat(
        [
            log_weights(model, *part, DRAWS)
            for part in zip(x.split(BATCH), told.split(BATCH), strict=True)
        ]
    )
    train = model.drawn(source.train.evenly_spaced(MOST_COUNTED).inputs)
    pictures = are_pictures(source.info.shape, source.info.dtype)
    name = "independent pixels" if pictures else "independent inputs"
    baselines = {name: independent(model, train, x)}
    note = _note(model, told)
    return {
        "ELBO": {**measurement(weights.mean(1), baselines), **note},
        "IWAE bound": {**measurement(averaged(weights), baselines), **note, "draws": DRAWS},
    }


def log_weights(model: Bounds, x: Tensor, told: Tensor, draws: int) -> Tensor:
    """log w of x (N, …): (N, draws) float64, of the inputs; z is from torch's global generator."""
    mean, log_variance = model.posterior(x, told)
    deviation = (log_variance / 2).exp()
    rows = torch.arange(len(x), device=x.device).repeat_interleave(draws)
    found = []
    for some in rows.split(max(1, NUMBERS // x[0].numel())):
        noise = torch.randn(len(some), mean.shape[1], device=x.device)
        z = mean[some] + deviation[some] * noise
        # log p(z) − log q(z | x), in which the constants cancel
        ratio = (noise.square() - z.square() + log_variance[some]).double().sum(1) / 2
        found.append(model.log_likelihood(x[some], z, told[some]).double() + ratio)
    return torch.cat(found).view(len(x), draws) - model.log_volume


def averaged(weights: Tensor) -> Tensor:
    """log w (N, k) → log (1/k) Σ_i w_i (N,)."""
    return weights.logsumexp(1) - math.log(weights.shape[1])


def independent(model: Bounds, train: Tensor, x: Tensor) -> Tensor:
    """log p of x (N, …), float64, by the means of training values (M, …) alone.

    A Gaussian has one deviation for all numbers of a picture, as the model has.
    """
    train, x = train.double().flatten(1), x.double().flatten(1)
    mean = train.mean(0)
    if model.binary:
        rare = 1 / (len(train) + 2)  # what never occurred is not impossible
        logits = mean.clamp(rare, 1 - rare).logit()
        return (x * logits - torch.nn.functional.softplus(logits)).sum(1)
    deviation = (train - mean).square().mean().sqrt()
    normal = torch.distributions.Normal(mean, deviation.clamp(min=1e-6), validate_args=False)
    found: Tensor = normal.log_prob(x).sum(1)
    return found - model.log_volume


def check(model: Bounds, source: Dataset) -> None:
    """The seed decides the weights, they are finite, and no binary x has a probability above 1."""
    inputs, labels = source.train[:5]
    given = []
    for _ in range(2):
        with fork_rng(seed=0):
            x = model.drawn(inputs)
            given.append(log_weights(model, x, model.told(labels), 10))
    first, again = given
    assert first.isfinite().all(), "weights must be finite"
    assert torch.equal(first, again), "the same seed must give the same weights"
    likelihood = model.log_likelihood(
        x, model.posterior(x, model.told(labels))[0], model.told(labels)
    )
    assert likelihood.shape == (5,), f"the likelihood has shape {tuple(likelihood.shape)}"
    assert not model.binary or (likelihood <= 0).all(), "a probability is above 1"


def _note(model: Bounds, told: Tensor) -> dict[str, str]:
    said = []
    if model.binary:
        said.append("every pixel drawn black or white once")
    if told.shape[1]:
        said.append("given the class")
    return {"note": ", ".join(said)} if said else {}
