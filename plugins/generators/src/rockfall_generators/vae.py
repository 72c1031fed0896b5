"""The variational autoencoder.

Kingma and Welling 2014, "Auto-encoding variational Bayes". An example x is made of latents z,
p(z) = N(0, I), by a decoder p(x | z); an encoder guesses them, q(z | x) = N(μ(x), diag σ²(x)).
Both are learned by raising a bound on the log-likelihood, the ELBO:

    log p(x) ≥ E_q[log p(x | z)] − KL(q(z | x) ‖ p(z))                        z = μ + σ ε
    KL = ½ Σ_j (μ_j² + σ_j² − 1 − log σ_j²)

β multiplies the KL (Higgins et al. 2017, "β-VAE"). p(x | z) is Bernoulli, or Gaussian with one
deviation for all numbers, which is learned: to fix it is to choose a β, and one for each pixel
grows without bound at those that never change (Mattei and Frellsen 2018; Rybkin et al. 2021,
"Simple and effective VAE training with calibrated decoders").
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
from rockfall_generators.coder import Coder, CoderConfig

LEAST_DEVIATION = 1e-3
"""Of a Gaussian, in units of what is scaled: a quarter of a grey level."""
HASTE = 10.0
"""How much faster than a weight the logarithm of the deviation is learned."""
SCORED = 16
"""Draws of the latents that a score is the mean of."""
HALF_LOG_2PI = math.log(2 * math.pi) / 2
FRACTIONS = 2**16
"""Numbers from 0 to 1 that sixteen random bits tell apart."""
ACTIVE = 0.01
"""Variance of a latent's posterior mean over examples from which on it counts as used (Burda et al.
2016, "Importance weighted autoencoders", section 5)."""


class VaeConfig(CoderConfig):
    latent: int = Field(10, ge=1, le=10_000, description="numbers that an example is put into")
    likelihood: Literal["bernoulli", "gaussian"] | None = Field(
        None, description="of a pixel or number; none: bernoulli for pictures, else gaussian"
    )
    binarise: bool = Field(
        True, description="bernoulli: draw each pixel black or white anew whenever it is seen"
    )
    beta: float = Field(1.0, ge=0, description="weight of the KL; 1 makes the loss minus the ELBO")
    kl_warmup: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="share of the training in which beta rises from 0 (Bowman et "
        "al. 2016), so that latents are in use before they cost",
    )
    free_bits: float = Field(
        0.0, ge=0, description="nats of each latent's KL that cost nothing, to keep it in use"
    )


MNIST: dict[str, Any] = {
    "hidden": (512, 256),  # a second layer gains 2 nats
    "epochs": 20,  # 11,000 updates, some two minutes
    "lr": 2e-3,
}


class Vae(Coder):
    """Inputs (N, …), uint8 pictures or vectors, → q(z | x) → inputs again."""

    Config: ClassVar[type[CoderConfig]] = VaeConfig
    for_any_values = "likelihood=gaussian"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST,
        "fashion-mnist": MNIST,
        "kmnist": MNIST,
        "gaussian-1d": {"latent": 1, "hidden": (32,), "epochs": 10},
        "ring": {"latent": 2, "hidden": (128, 128), "epochs": 60},
        "tiny": {"hidden": (16,), "latent": 4, "epochs": 2, "batch_size": 256},
    }

    def __init__(self, config: VaeConfig, info: rockfall.SourceInfo) -> None:
        likelihood = config.likelihood or ("bernoulli" if info.dtype == "uint8" else "gaussian")
        binary = likelihood == "bernoulli"
        super().__init__(config, info, binary=binary, numbers=2 * config.latent)
        if not binary:
            variance = (torch.tensor(info.statistics["std"]) / self.scaling.reach).square().mean()
            first = variance.sqrt().clamp(min=LEAST_DEVIATION)
            self.log_deviation = nn.Parameter(first.log() / HASTE)

    # The bound ------------------------------------------------------------------------------

    def posterior(self, values: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """Values (N, …) and conditions (N, K) → μ and log σ² of q(z | x), (N, latent) each."""
        mean, log_variance = self.encoded(values, told).chunk(2, 1)
        return mean, log_variance

    def log_likelihood(self, values: Tensor, latents: Tensor, told: Tensor) -> Tensor:
        """Values (N, …), latents (N, latent), conditions (N, K) → log p(x | z) (N,), nats.

        A Gaussian's is a density of the values, not of the inputs: see `log_volume`.
        """
        made = self.decoded(latents, told)
        if self.binary:
            missed = F.binary_cross_entropy_with_logits(made, values, reduction="none")
        else:
            deviation = self.deviation
            missed = ((values - made) / deviation).square() / 2 + deviation.log() + HALF_LOG_2PI
        return -missed.flatten(1).sum(1)

    @property
    def deviation(self) -> Tensor:
        """Of the Gaussian p(x | z), in units of the values."""
        return (self.log_deviation * HASTE).exp() + LEAST_DEVIATION

    @property
    def log_volume(self) -> float:
        """What log p of the values is more than log p of the inputs: vectors are in their own
        units, pictures from 0 to 1.
        """
        if self.scaling.pictures:
            return 0.0
        return float(self.scaling.reach.log().sum())

    def drawn(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → values whose likelihood is asked for: black or white by chance, where it
        is Bernoulli, from torch's global generator.
        """
        values: Tensor = self.scaling(inputs)
        return binarised(values) if self.binary else values

    # Learning -------------------------------------------------------------------------------

    def shown(self, inputs: Tensor) -> Tensor:
        if self.config.binarise:
            return self.drawn(inputs)
        return super().shown(inputs)

    def loss(
        self, values: Tensor, told: Tensor, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        mean, log_variance = self.posterior(values, told)
        latents = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        reconstruction = -self.log_likelihood(values, latents, told).mean()
        divergence = kl(mean, log_variance).mean(0)
        # Kingma et al. 2016, "Improved variational inference with inverse autoregressive flow",
        # appendix C.8, each latent a group of its own.
        counted = divergence.clamp(min=self.config.free_bits).sum()
        beta = self.config.beta
        if progress < self.config.kl_warmup:
            beta *= progress / self.config.kl_warmup
        loss = reconstruction + beta * counted
        return loss, {"reconstruction": reconstruction, "kl": divergence.sum()}

    def watch(self, batch: Batch) -> dict[str, float | Tensor]:
        values, told = self.drawn(batch.inputs), self.told(batch.labels)
        mean, log_variance = self.posterior(values, told)
        latents = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        elbo = self.log_likelihood(values, latents, told) - kl(mean, log_variance).sum(1)
        return {
            "elbo": elbo.mean() - self.log_volume,
            "active_units": float((mean.var(0, correction=0) > ACTIVE).sum()),
        }

    def beware(self, run: rockfall.Run, watched: dict[str, float | Tensor]) -> None:
        if watched["active_units"] == 0 and not run.state.get("collapsed"):
            run.state["collapsed"] = True
            run.warn(
                "posterior collapse: the encoder says the same of every example, so that all "
                "reconstructions are alike; more epochs may do, free_bits=0.5 keeps latents in "
                "use, and so may a smaller beta or a larger lr"
            )

    # What it can do -------------------------------------------------------------------------

    def score(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → ELBO (N,), nats, by the same draws of ε for all; a grey value stands for
        its two outcomes.
        """
        values = self.scaling(inputs)
        with eval_mode(self):
            return self.bound(values, self.recognised(values), self.noise(SCORED))

    def bound(self, values: Tensor, told: Tensor, noise: Tensor) -> Tensor:
        """ELBO (N,) of values (N, …) by draws of ε (M, latent) that all share."""
        mean, log_variance = self.posterior(values, told)
        deviation = (log_variance / 2).exp()
        said = [self.log_likelihood(values, mean + deviation * each, told) for each in noise]
        return torch.stack(said).mean(0) - kl(mean, log_variance).sum(1) - self.log_volume

    def noise(self, count: int) -> Tensor:
        """ε (count, latent), the same each time."""
        generator = torch.Generator().manual_seed(0)
        drawn = torch.randn(count, self.config.latent, generator=generator)
        return drawn.to(self.scaling.middle.device)

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type."""
        return self.made(self.scaling.middle.new_empty(count, 0))

    def made(self, told: Tensor) -> Tensor:
        """Conditions (N, K) → examples (N, …). Pictures are means, without their pixels' noise."""
        latents = torch.randn(len(told), self.config.latent, device=told.device)
        mean = self.decode(torch.cat((latents, told), 1))
        if self.binary or self.scaling.pictures:
            return mean
        with torch.no_grad():
            return mean + torch.randn_like(mean) * self.deviation * self.scaling.reach


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) of each number, in nats."""
    return (mean.square() + log_variance.exp() - 1 - log_variance) / 2


def binarised(values: Tensor) -> Tensor:
    """Probabilities → zeros and ones, from torch's global generator.

    Compared to sixteen random bits each, four from every random word: a tenth of the time that
    `torch.bernoulli` takes. The chance of a 1 is right to 8e-6, and exact at 0 and 1.
    """
    count = values.numel()
    words = torch.empty(-(-count // 4), dtype=torch.int64, device=values.device)
    bits = words.random_(-(2**63), None).view(torch.int16)[:count].view(values.shape)
    # The middles of FRACTIONS equal parts of 0 … 1.
    return ((bits.float() + (FRACTIONS + 1) / 2) / FRACTIONS < values).float()
