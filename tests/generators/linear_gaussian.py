"""A VAE of linear maps and Gaussians, of which everything is known in closed form."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from rockfall.sources.dataset import Dataset, Split
from rockfall_generators.vae import LOG_STD_SPEED, MIN_STD, Vae, VaeConfig


def vectors(values: Tensor, name: str = "numbers") -> Dataset:
    """A dataset whose three splits are the same values (N, D)."""
    split = Split(values, torch.full((len(values),), -1))
    return Dataset(name, dict.fromkeys(("train", "validation", "test"), split), kinds=("vectors",))


class LinearGaussian:
    """x = scale · v + shift, v = W z + b + s ε; and an encoder that is right, or off by `error`."""

    def __init__(self, error: float = 0.0) -> None:
        generator = torch.Generator().manual_seed(0)
        random = torch.randn(4, 2, generator=generator, dtype=torch.float64)
        orthogonal, _ = torch.linalg.qr(random)
        self.weight = orthogonal * torch.tensor([1.5, 0.7], dtype=torch.float64)  # (4, 2)
        self.bias = torch.tensor([0.3, -0.2, 0.1, 0.5], dtype=torch.float64)
        self.deviation = 0.4
        values = torch.randn(200, 4, generator=generator) * torch.tensor([1.0, 2.0, 3.0, 4.0]) + 5
        self.data = vectors(values)
        config: Any = {"latent": 2, "hidden": (), "batch_size": 10}
        self.model = Vae(VaeConfig(**config), self.data.info).double()
        self.scale = self.model.scaling.scale
        self.shift = self.model.scaling.offset
        # With orthogonal columns of W, the posterior's covariance is diagonal.
        precision = 1 + (self.weight**2).sum(0) / self.deviation**2
        gain = self.weight.T / self.deviation**2 / precision[:, None]
        with torch.no_grad():
            encoder, decoder = self.model.encoder[-1], self.model.decoder[0]
            encoder.weight[:2] = gain
            encoder.bias[:2] = -gain @ self.bias + error
            encoder.weight[2:] = 0
            encoder.bias[2:] = -precision.log() + error
            decoder.weight.copy_(self.weight)
            decoder.bias.copy_(self.bias)
            self.model.log_deviation.fill_(math.log(self.deviation - MIN_STD) / LOG_STD_SPEED)

    @property
    def x(self) -> Tensor:
        return self.data.test.inputs

    def log_evidence(self) -> Tensor:
        """log p(x) (N,)."""
        spread = torch.diag(self.scale)
        mean = self.bias @ spread + self.shift
        noise = torch.eye(4, dtype=torch.float64) * self.deviation**2
        covariance = spread @ (self.weight @ self.weight.T + noise) @ spread
        return torch.distributions.MultivariateNormal(mean, covariance).log_prob(self.x.double())

    def elbo(self) -> Tensor:
        """log p(x) − KL(q(z | x) ‖ p(z | x)), (N,)."""
        values = (self.x.double() - self.shift) / self.scale
        precision = 1 + (self.weight**2).sum(0) / self.deviation**2
        gain = self.weight.T / self.deviation**2 / precision[:, None]
        right = torch.distributions.Normal((values - self.bias) @ gain.T, precision**-0.5)
        with torch.no_grad():
            mean, log_variance = self.model.posterior(values, torch.empty(len(values), 0))
        guess = torch.distributions.Normal(mean, (log_variance / 2).exp())
        return self.log_evidence() - torch.distributions.kl_divergence(guess, right).sum(1)
