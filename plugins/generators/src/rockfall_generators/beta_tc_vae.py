"""The β-TCVAE: a VAE whose latents are asked to be independent of one another.

Chen et al. 2018, "Isolating Sources of Disentanglement in Variational Autoencoders". The KL of a
VAE, averaged over the data, is a sum of three (equation 2):

    KL(q(z, n) ‖ q(z) p(n)) + KL(q(z) ‖ Πⱼ q(zⱼ)) + Σⱼ KL(q(zⱼ) ‖ p(zⱼ))

the mutual information of example and latents, the total correlation (TC) of the latents, and how
far each latent is from its prior. β weighs the total correlation alone, where a β-VAE weighs all of
it and gives up the information too. log q(z) of a mini-batch is estimated by its own posteriors
(minibatch-weighted sampling, equation S2 of the appendix):

    log q(z) ≈ log (1 / (N M)) Σᵢ q(z | nᵢ)        N examples in the data, M in the mini-batch

It differs from the paper: no annealing but the warm-up of the other two terms; `free_bits` has no
effect.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from pydantic import Field
from torch import Tensor

import rockfall
from rockfall_generators.prior import standard_log_density
from rockfall_generators.vae import HALF_LOG_2PI, Vae, VaeConfig, kl


class BetaTcVaeConfig(VaeConfig):
    beta: float = Field(
        6.0,
        ge=0,
        description="β, weight of the latents' total correlation; the paper's; with 1 the loss is "
        "minus the ELBO",
    )


class BetaTcVae(Vae):
    """Inputs (N, …) → q(z | x) → reconstructions (N, …), as a VAE."""

    Config = BetaTcVaeConfig
    parallel = "its loss compares each example of a batch with all others"
    presets: ClassVar[dict[str, dict[str, Any]]] = Vae.presets

    def __init__(self, config: BetaTcVaeConfig, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info)
        self.examples = info.sizes.get("train", config.batch_size)

    def beta(self, progress: float) -> float:
        """The weight of all three terms, which rises to 1; the loss multiplies one of them by β."""
        warmup = self.config.kl_warmup
        return progress / warmup if progress < warmup else 1.0

    def loss(
        self, values: Tensor, conditions: Tensor, beta: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        mean, log_variance, latents, reconstruction = self.reconstruction(values, conditions)
        information, correlation, rest = self.terms(latents, mean, log_variance)
        loss = reconstruction + beta * (information + self.config.beta * correlation + rest)
        return loss, {
            "reconstruction": reconstruction,
            "kl": kl(mean, log_variance).sum(1).mean(),
            "total correlation": correlation,
        }

    def terms(
        self, latents: Tensor, mean: Tensor, log_variance: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Latents of a mini-batch and their posteriors (M, D) → the three terms, scalars."""
        # log q(zⱼ | n) of each latent of each example i under each posterior n: (M, M, D)
        squares = (latents[:, None] - mean).square() / log_variance.exp()
        crossed = -(squares + log_variance) / 2 - HALF_LOG_2PI
        log_posterior = crossed.diagonal().sum(0)
        scale = math.log(self.examples * len(latents))
        log_aggregate = crossed.sum(2).logsumexp(1) - scale
        log_product = (crossed.logsumexp(1) - scale).sum(1)
        return (
            (log_posterior - log_aggregate).mean(),
            (log_aggregate - log_product).mean(),
            (log_product - standard_log_density(latents)).mean(),
        )
