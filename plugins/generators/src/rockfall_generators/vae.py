"""The variational autoencoder (VAE).

Kingma and Welling 2014, "Auto-Encoding Variational Bayes". A decoder p(x | z) generates an example
x from latents z with the prior p(z) = N(0, I); an encoder approximates their posterior,
q(z | x) = N(μ(x), diag σ²(x)). Both maximise the evidence lower bound (ELBO), by reparametrised
samples of z:

    log p(x) ≥ E_q[log p(x | z)] − KL(q(z | x) ‖ p(z))        z = μ + σ ε,  ε ~ N(0, I)
    KL = ½ Σⱼ (μⱼ² + σⱼ² − 1 − log σⱼ²)

It differs from the paper: β multiplies the KL (Higgins et al. 2017, "β-VAE"), 1 by default, and
rises to it from 0; Adam with a learning rate that decays, not Adagrad; rectified units, not tanh;
no prior on the weights. Of grey pictures pixels are binarised at random, anew at each update. A
Gaussian p(x | z) has one standard deviation for all numbers, which is learned: to fix it is to
choose a β, and one a pixel grows without bound at those that never change (Mattei and Frellsen
2018, "Leveraging the exact likelihood of deep latent variable models"; Rybkin et al. 2021, "Simple
and effective VAE training with calibrated decoders"). A colour is no probability of white: of
pictures in colour p(x | z) is a discretised logistic with a scale a channel, and the prior that
samples are of is fitted to the aggregate posterior after training (`prior.py`).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall import Batch, eval_mode
from rockfall.kit.randomness import binarise
from rockfall_generators.discretised_logistic import SCALE_OF_STD, log_probability
from rockfall_generators.encoder_decoder import CHUNK, EncoderDecoder, EncoderDecoderConfig
from rockfall_generators.networks import can_convolve
from rockfall_generators.prior import MixturePrior, Prior, standard_log_density

MIN_STD = 1e-3
"""Smallest standard deviation of p(x | z), in units of the values: a quarter of a grey level."""
LOG_STD_SPEED = 10.0
"""How much faster than a weight the logarithm of that standard deviation is learned."""
SCORE_SAMPLES = 16
"""Samples of the latents that a score is the mean of."""
HALF_LOG_2PI = math.log(2 * math.pi) / 2
ACTIVE_VARIANCE = 0.01
"""Variance over examples of a latent's posterior mean above which the unit is active (Burda et al.
2016, "Importance Weighted Autoencoders", section 5)."""


class VaeConfig(EncoderDecoderConfig):
    latent: int = Field(10, ge=1, le=10_000, description="dimension of the latents z")
    likelihood: Literal["bernoulli", "gaussian", "logistic"] | None = Field(
        None,
        description="distribution p(x | z) of a pixel or number; logistic, a discretised one, is "
        "for pictures in colour, whose presets have it; none: bernoulli for pictures, else "
        "gaussian",
    )
    binarise: bool = Field(
        True, description="random binarisation of pixels at each update, with bernoulli"
    )
    beta: float = Field(
        1.0, ge=0, description="β, weight of the KL divergence; with 1 the loss is minus the ELBO"
    )
    kl_warmup: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="fraction of the training in which β rises linearly from 0 (Bowman et al. "
        "2016), so that latents are in use before their KL counts",
    )
    free_bits: float = Field(
        0.0,
        ge=0,
        description="nats of each latent's KL that are free (Kingma et al. 2016), which keeps it "
        "in use",
    )
    prior: Prior = Field(
        "standard",
        description="distribution of the latents that samples are decoded from: standard, N(0, I), "
        "as in training; or one that is fitted to the aggregate posterior afterwards, a gaussian, "
        "a mixture of them (gmm), or of some examples' posteriors (vamp)",
    )


MNIST: dict[str, Any] = {
    "hidden": (512, 256),  # a second layer gains 2 nats
    "epochs": 20,  # 11,000 updates, some two minutes
    "lr": 2e-3,
}
COLOUR: dict[str, Any] = {
    "likelihood": "logistic",
    "prior": "gmm",
    "latent": 64,  # some thousand numbers are not told by ten
    "hidden": (512, 256),
    "channels": 32,
    "epochs": 150,
    "lr": 2e-3,
}
CIFAR: dict[str, Any] = {**COLOUR, "network": "conv", "latent": 128, "epochs": 20}
SMALLEST_CONVOLVED = 32
"""Pixels a side from which on pictures in colour are convolved."""


class Vae(EncoderDecoder):
    """Inputs (N, …), uint8 pictures or vectors, → q(z | x) → reconstructions (N, …)."""

    Config: ClassVar[type[EncoderDecoderConfig]] = VaeConfig
    setting_for_any_values = "likelihood=gaussian"
    tuned_by: ClassVar[str] = "validation elbo"
    search_spaces: ClassVar[dict[str, dict[str, str]]] = {
        "": {"lr": "5e-4..1e-2:log", "latent": "5..40:log", "hidden": "256,512,1024"}
    }
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST,
        "fashion-mnist": MNIST,
        "kmnist": MNIST,
        "gaussian-1d": {"latent": 1, "hidden": (32,), "epochs": 10},
        "ring": {"latent": 2, "hidden": (128, 128), "epochs": 60},
        "colour": {**COLOUR, "network": "conv"},
        "small-colour": COLOUR,
        "cifar10": CIFAR,
        "cifar100": CIFAR,
        "tiny": {"hidden": (16,), "latent": 4, "epochs": 2, "batch_size": 256},
    }

    @classmethod
    def preset_for(cls, info: rockfall.SourceInfo) -> str:
        """The preset of pictures in colour that have none of their own."""
        if info.dtype != "uint8" or len(info.shape) != 3 or info.shape[0] == 1:
            return ""
        large = min(info.shape[1:]) >= SMALLEST_CONVOLVED and can_convolve(info.shape)
        return "colour" if large else "small-colour"

    def __init__(self, config: VaeConfig, info: rockfall.SourceInfo) -> None:
        likelihood = config.likelihood or ("bernoulli" if info.dtype == "uint8" else "gaussian")
        binary = likelihood == "bernoulli"
        super().__init__(config, info, binary=binary, encoder_outputs=2 * config.latent)
        if config.free_bits:
            self.parallel = "free_bits are of the KL that is the mean of a whole batch"
        self.discrete = likelihood == "logistic"
        if self.discrete and not self.scaling.pictures:
            raise ValueError(
                f"likelihood=logistic is of bytes, and {info.name} has {info.dtype}: "
                "likelihood=gaussian is for numbers"
            )
        if not binary:
            variance = (torch.tensor(info.statistics["std"]) / self.scaling.scale).square()
            if not self.discrete:
                variance = variance.mean()
            initial = variance.sqrt().clamp(min=MIN_STD)
            self.log_deviation = nn.Parameter(initial.log() / LOG_STD_SPEED)
        self.prior: MixturePrior | None = None
        if config.prior != "standard":
            self.prior = MixturePrior(config.prior, config.latent, info.sizes.get("train", 1))

    # The bound ------------------------------------------------------------------------------

    def posterior(self, values: Tensor, conditions: Tensor) -> tuple[Tensor, Tensor]:
        """Values (N, …) and conditions (N, K) → μ and log σ² of q(z | x), (N, latent) each."""
        mean, log_variance = self.encoder_output(values, conditions).chunk(2, 1)
        return mean, log_variance

    def log_likelihood(self, values: Tensor, latents: Tensor, conditions: Tensor) -> Tensor:
        """Values (N, …), latents (N, latent), conditions (N, K) → log p(x | z) (N,), nats.

        A Gaussian's is a density of the values, not of the inputs: see `log_det_scale`.
        """
        output = self.decoder_output(latents, conditions)
        if self.binary:
            losses = F.binary_cross_entropy_with_logits(output, values, reduction="none")
        elif self.discrete:
            losses = -log_probability(values, output, self.std[:, None, None] * SCALE_OF_STD)
        else:
            std = self.std
            losses = ((values - output) / std).square() / 2 + std.log() + HALF_LOG_2PI
        return -losses.flatten(1).sum(1)

    @property
    def std(self) -> Tensor:
        """Standard deviation of p(x | z), in units of the values: one of a Gaussian, and (C,) of
        logistics.
        """
        return (self.log_deviation * LOG_STD_SPEED).exp() + MIN_STD

    @property
    def log_det_scale(self) -> float:
        """log p(values) − log p(inputs), by the change of variables: 0 for pictures, whose density
        is in units of pixels from 0 to 1.
        """
        if self.scaling.pictures:
            return 0.0
        return float(self.scaling.scale.log().sum())

    def log_prior_gain(self, latents: Tensor) -> Tensor:
        """Latents (N, latent) → log p(z) − log N(z; 0, I) (N,)."""
        if self.prior is None:
            return latents.new_zeros(len(latents))
        return self.prior.log_density(latents) - standard_log_density(latents)

    @property
    def prior_note(self) -> str:
        """What the prior is, if it was fitted."""
        return "" if self.prior is None else str(self.prior)

    def observe(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → values x (N, …) whose likelihood is defined: with a Bernoulli likelihood,
        binarised with torch's global generator.
        """
        values: Tensor = self.scaling(inputs)
        return binarise(values) if self.binary else values

    # Training -------------------------------------------------------------------------------

    def preprocess(self, inputs: Tensor) -> Tensor:
        if self.config.binarise:
            return self.observe(inputs)
        return super().preprocess(inputs)

    def reconstruction(
        self, values: Tensor, conditions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The posterior's mean and log variance, a sample of it, (N, latents), and the mean of
        −log p(x | z) by that sample.
        """
        mean, log_variance = self.posterior(values, conditions)
        latents = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        loss = -self.log_likelihood(values, latents, conditions).mean()
        return mean, log_variance, latents, loss

    def loss(
        self, values: Tensor, conditions: Tensor, beta: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        mean, log_variance, _, reconstruction = self.reconstruction(values, conditions)
        divergence = kl(mean, log_variance).mean(0)
        # Free bits: Kingma et al. 2016, "Improved Variational Inference with Inverse Autoregressive
        # Flow", appendix C.8, each latent a group of its own.
        penalised = divergence.clamp(min=self.config.free_bits).sum()
        loss = reconstruction + beta * penalised
        return loss, {"reconstruction": reconstruction, "kl": divergence.sum()}

    def beta(self, progress: float) -> float:
        config = self.config
        warm = progress / config.kl_warmup if progress < config.kl_warmup else 1.0
        return float(config.beta * warm)

    def validation_metrics(self, batch: Batch) -> dict[str, float | Tensor]:
        values, conditions = self.observe(batch.inputs), self.conditions(batch.labels)
        mean, log_variance = self.posterior(values, conditions)
        latents = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        elbo = self.log_likelihood(values, latents, conditions) - kl(mean, log_variance).sum(1)
        return {
            "validation elbo": elbo.mean() - self.log_det_scale,
            "active_units": float((mean.var(0, correction=0) > ACTIVE_VARIANCE).sum()),
        }

    def warn_on_collapse(self, run: rockfall.Run, metrics: dict[str, float | Tensor]) -> None:
        if metrics["active_units"] == 0 and not run.state.get("collapsed"):
            run.state["collapsed"] = True
            run.warn(
                "posterior collapse: the encoder gives the same posterior for every example, so "
                "that all reconstructions are alike; more epochs may do, free_bits=0.5 keeps "
                "latents in use, and so may a smaller beta or a larger lr"
            )

    def fit_prior(self, train: Batch) -> None:
        """The prior that samples are decoded from, unless it is that of the training."""
        if self.prior is None:
            return
        values, conditions = self.scaling(train.inputs), self.conditions(train.labels)
        parts = zip(values.split(CHUNK), conditions.split(CHUNK), strict=True)
        means, log_variances = zip(*(self.posterior(*part) for part in parts), strict=True)
        self.prior.fit(torch.cat(means), torch.cat(log_variances))

    # What it can do -------------------------------------------------------------------------

    def score(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → ELBO (N,), nats, by the same ε for all; a grey value counts as its two
        outcomes, weighted.
        """
        values = self.scaling(inputs)
        with eval_mode(self):
            return self.elbo(values, self.infer_conditions(values), self.fixed_noise(SCORE_SAMPLES))

    def elbo(self, values: Tensor, conditions: Tensor, noise: Tensor) -> Tensor:
        """ELBO (N,) of values (N, …), the mean over samples of ε (M, latent) that all share."""
        mean, log_variance = self.posterior(values, conditions)
        std = (log_variance / 2).exp()
        latents = [mean + std * epsilon for epsilon in noise]
        likelihoods = [self.log_likelihood(values, each, conditions) for each in latents]
        divergence = kl(mean, log_variance).sum(1)
        gains = torch.stack([self.log_prior_gain(each) for each in latents])
        divergence = divergence - gains.mean(0)  # from that of N(0, I) to that of the prior
        return torch.stack(likelihoods).mean(0) - divergence - self.log_det_scale

    def fixed_noise(self, count: int) -> Tensor:
        """ε (count, latent), the same each time."""
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(count, self.config.latent, generator=generator)
        return noise.to(self.scaling.offset.device)

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type."""
        return self.generate(self.scaling.offset.new_empty(count, 0))

    def sample_latents(self, count: int) -> Tensor:
        """(count, latent) of the prior."""
        return self.prior_latents(self.scaling.offset.new_empty(count, 0))

    def prior_latents(self, conditions: Tensor) -> Tensor:
        """Conditions (N, K) → latents of the prior and these conditions (N, latent + K)."""
        if self.prior is None:
            latents = torch.randn(len(conditions), self.config.latent, device=conditions.device)
        else:
            latents = self.prior.sample(len(conditions))
        return torch.cat((latents, conditions), 1)

    def generate(self, conditions: Tensor) -> Tensor:
        """Conditions (N, K) → examples (N, …), decoded from the prior. Of pictures they are means,
        without the noise of p(x | z).
        """
        mean = self.decode(self.prior_latents(conditions))
        if self.binary or self.scaling.pictures:
            return mean
        with torch.no_grad():
            return mean + torch.randn_like(mean) * self.std * self.scaling.scale


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) of each number, in nats."""
    return (mean.square() + log_variance.exp() - 1 - log_variance) / 2
