"""`bounds`: bounds the log-likelihood from below. Its figures are the ELBO of the test split and
the importance-weighted bound, in nats an example, beside a model of independent inputs.

With z₁ … z_k from q(z | x) (Burda et al. 2016, "Importance Weighted Autoencoders", equation 8),

    L_k = E[log (1/k) Σᵢ wᵢ],  wᵢ = p(x | zᵢ) p(zᵢ) / q(zᵢ | x),  L₁ = ELBO ≤ L_k ≤ log p(x)
"""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall import Dataset, fork_rng
from rockfall.kit.drawing import are_pictures
from rockfall.kit.measurements import Measurements, measurement
from rockfall_generators.discretised_logistic import SCALE_OF_STD, log_probability

IMPORTANCE_SAMPLES = 500
"""k, as Burda et al. 2016 report it."""
TEST_EXAMPLES = 1000
"""Most test examples, evenly spaced: 500,000 decodings are some ten seconds for MNIST."""
BASELINE_EXAMPLES = 10_000
"""Most training examples by which the model of independent inputs is fitted."""
BATCH = 100
CHUNK = 2_000_000
"""Numbers that are decoded at a time, which bounds the memory that it takes."""


class Observes(Protocol):
    """Says what x is, whose likelihood it knows or bounds."""

    binary: bool
    """Whether x is of zeros and ones, so that p(x) is a probability, not a density."""
    discrete: bool
    """Whether x is of bytes as k / 255, and p(x) is the probability of these."""
    log_det_scale: float
    """log p(x) − log p(inputs), where x is a scaled form of the inputs."""

    def observe(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → x (N, …). Where x is binary, it is sampled with
        the inputs as probabilities, from torch's global generator.
        """


@runtime_checkable
class Bounds(Observes, Protocol):
    """Latents z with p(z), mostly N(0, I), an encoder q(z | x) = N(μ, diag σ²), and p(x | z)."""

    prior_note: str
    """What p(z) is, for a reader of the figures; empty for N(0, I)."""

    def conditions(self, labels: Tensor, /) -> Tensor:
        """Labels (N,) → what the model is conditioned on (N, K); nothing if K is 0."""

    def posterior(self, x: Tensor, conditions: Tensor, /) -> tuple[Tensor, Tensor]:
        """x (N, …), conditions (N, K) → μ and log σ² of q(z | x), (N, D) each."""

    def log_prior_gain(self, z: Tensor, /) -> Tensor:
        """z (N, D) → log p(z) − log N(z; 0, I) (N,)."""

    def log_likelihood(self, x: Tensor, z: Tensor, conditions: Tensor, /) -> Tensor:
        """x (N, …), z (N, D), conditions (N, K) → log p(x | z) (N,)."""


def evaluate(
    model: Bounds, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """Both bounds on at most `limit` test examples, by the same samples; and log p by independent
    inputs.

    A model that is conditioned on the class bounds log p(x | class).
    """
    test = source.test.evenly_spaced(min(limit or TEST_EXAMPLES, TEST_EXAMPLES))
    x, conditions = model.observe(test.inputs), model.conditions(test.labels)
    weights = torch.cat(
        [
            log_weights(model, *part, IMPORTANCE_SAMPLES)
            for part in zip(x.split(BATCH), conditions.split(BATCH), strict=True)
        ]
    )
    train = model.observe(source.train.evenly_spaced(BASELINE_EXAMPLES).inputs)
    pictures = are_pictures(source.info.shape, source.info.dtype)
    name = "independent pixels" if pictures else "independent inputs"
    baselines = {name: independent_log_likelihood(model, train, x)}
    note = _note(model, conditions)
    bound = measurement(importance_weighted_bound(weights), baselines)
    return {
        "ELBO": {**measurement(weights.mean(1), baselines), **note},
        "IWAE bound": {**bound, **note, "draws": IMPORTANCE_SAMPLES},
    }


def log_weights(model: Bounds, x: Tensor, conditions: Tensor, samples: int) -> Tensor:
    """log w of x (N, …), in units of the inputs: (N, samples) float64. z is from torch's global
    generator.
    """
    mean, log_variance = model.posterior(x, conditions)
    std = (log_variance / 2).exp()
    rows = torch.arange(len(x), device=x.device).repeat_interleave(samples)
    weights = []
    for some in rows.split(max(1, CHUNK // x[0].numel())):
        noise = torch.randn(len(some), mean.shape[1], device=x.device)
        z = mean[some] + std[some] * noise
        # log N(z; 0, I) − log q(z | x), in which the constants cancel
        ratio = (noise.square() - z.square() + log_variance[some]).double().sum(1) / 2
        ratio += model.log_prior_gain(z).double()
        weights.append(model.log_likelihood(x[some], z, conditions[some]).double() + ratio)
    return torch.cat(weights).view(len(x), samples) - model.log_det_scale


def importance_weighted_bound(weights: Tensor) -> Tensor:
    """log w (N, k) → log (1/k) Σᵢ wᵢ (N,)."""
    return weights.logsumexp(1) - math.log(weights.shape[1])


def independent_log_likelihood(model: Observes, train: Tensor, x: Tensor) -> Tensor:
    """log p of x (N, …), float64, by independent inputs fitted to training values (M, …).

    A Gaussian has one standard deviation for all numbers of a picture, as the model has.
    """
    train, x = train.double().flatten(1), x.double().flatten(1)
    mean = train.mean(0)
    if model.binary:
        smallest = 1 / (len(train) + 2)  # what never occurred is not impossible
        logits = mean.clamp(smallest, 1 - smallest).logit()
        return (x * logits - torch.nn.functional.softplus(logits)).sum(1)
    std = (train - mean).square().mean().sqrt()
    if model.discrete:
        return log_probability(x, mean, std * SCALE_OF_STD).sum(1)
    normal = torch.distributions.Normal(mean, std.clamp(min=1e-6), validate_args=False)
    log_likelihood: Tensor = normal.log_prob(x).sum(1)
    return log_likelihood - model.log_det_scale


def check(model: Bounds, source: Dataset) -> None:
    """The seed decides the weights, they are finite, and no binary x has a probability above 1."""
    inputs, labels = source.train[:5]
    both = []
    for _ in range(2):
        with fork_rng(seed=0):
            x = model.observe(inputs)
            both.append(log_weights(model, x, model.conditions(labels), 10))
    first, again = both
    assert first.isfinite().all(), "weights must be finite"
    assert torch.equal(first, again), "the same seed must give the same weights"
    conditions = model.conditions(labels)
    likelihood = model.log_likelihood(x, model.posterior(x, conditions)[0], conditions)
    assert likelihood.shape == (5,), f"the likelihood has shape {tuple(likelihood.shape)}"
    probability = model.binary or model.discrete
    assert not probability or (likelihood <= 0).all(), "a probability is above 1"


def _note(model: Bounds, conditions: Tensor) -> dict[str, str]:
    notes = [f"prior: {model.prior_note}"] if model.prior_note else []
    if model.binary:
        notes.append("every pixel binarised once, at random")
    if conditions.shape[1]:
        notes.append("given the class")
    return {"note": ", ".join(notes)} if notes else {}
