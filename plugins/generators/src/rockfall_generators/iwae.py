"""The importance weighted autoencoder (IWAE).

Burda, Grosse and Salakhutdinov 2016, "Importance Weighted Autoencoders". The networks of `vae.py`,
fitted not by the ELBO but by a tighter bound of the log-likelihood, of k samples of the latents:

    L_k = E[log (1/k) Σᵢ wᵢ]    wᵢ = p(x | zᵢ) p(zᵢ) / q(zᵢ | x)    zᵢ ~ q(z | x)     (equation 8)

Its gradient weighs each sample by its share wᵢ / Σⱼ wⱼ (equation 14), so that posteriors need not
be as simple as q to be of use. L₁ is the ELBO.

It differs from the paper: one stochastic layer; β multiplies log p(z) − log q(z | x) while it warms
up; pixels are binarised anew at each update, as in the paper, but Adam's learning rate decays along
a cosine.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rockfall_generators.prior import standard_log_density
from rockfall_generators.vae import HALF_LOG_2PI, MNIST, Vae, VaeConfig, kl


class IwaeConfig(VaeConfig):
    importance_samples: int = Field(
        5, ge=1, le=1000, description="k, samples of the latents for each example; 1 is a vae"
    )


class Iwae(Vae):
    """Inputs (N, …) → q(z | x) → reconstructions (N, …), as a VAE."""

    Config = IwaeConfig
    parallel = "its several draws of each example's latents can't be divided among processes yet"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        **Vae.presets,
        "mnist": {**MNIST, "latent": 50},  # as the paper; of five samples, some five minutes
    }

    def loss(
        self, values: Tensor, conditions: Tensor, beta: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Minus L_k; `kl` is the posterior's, as a VAE's."""
        count = self.config.importance_samples
        mean, log_variance = self.posterior(values, conditions)
        noise = torch.randn(count, *mean.shape, device=mean.device)
        latents = (mean + (log_variance / 2).exp() * noise).flatten(0, 1)  # (k N, latent)
        log_prior = standard_log_density(latents).view(count, -1)
        log_posterior = -(noise.square() / 2 + log_variance / 2 + HALF_LOG_2PI).sum(2)
        likelihood = self.log_likelihood(
            values.repeat(count, *[1] * (values.ndim - 1)), latents, conditions.repeat(count, 1)
        ).view(count, -1)
        log_weights = likelihood + beta * (log_prior - log_posterior)
        loss = (math.log(count) - log_weights.logsumexp(0)).mean()
        divergence = kl(mean, log_variance).sum(1).mean()
        return loss, {"reconstruction": -likelihood.mean(), "kl": divergence}
