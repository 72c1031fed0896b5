"""A prior over latents that is fitted after training to the aggregate posterior.

The ELBO asks that the aggregate posterior q(z) = E_x q(z | x) be the prior p(z); where the
reconstruction outweighs the KL, as it does with little data and many numbers an example, it is
not, and latents of p(z) are ones that the decoder never saw (Hoffman and Johnson 2016, "ELBO
surgery"). A density that is fitted to q(z) afterwards is a better prior of the same decoder (Ghosh
et al. 2020, "From Variational to Deterministic Autoencoders", section 4), and the bounds with it
are bounds still.

`gaussian`: one Gaussian of any covariance. `gmm`: several, by expectation maximisation. `vamp`: the
mixture of the posteriors of some training examples, which are a VampPrior's pseudo-inputs that
nothing has learned (Tomczak and Welling 2018, "VAE with a VampPrior", the baseline "VampPrior
data").
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

Prior = Literal["standard", "gaussian", "gmm", "vamp"]
COMPONENTS = 10
"""Gaussians of a mixture, at most."""
EXAMPLES_PER_NUMBER = 10
"""Examples for each dimension of the latents that a Gaussian of the mixture takes: of fewer its
covariance is a guess."""
PSEUDO_INPUTS = 200
"""Training examples whose posteriors are the mixture `vamp`, at most."""
DRAWN = 5000
"""Latents to which Gaussians are fitted, at least: one or more of each posterior."""
ITERATIONS = 20
"""Of expectation maximisation, which begins at the examples nearest to some of them."""
MIN_VARIANCE = 1e-4
"""Added to every variance, so that no Gaussian is flat."""
MAX_NUMBERS = 50_000_000
"""Of all factors of covariances: 200 MB."""


class MixturePrior(nn.Module):
    """Σₖ πₖ N(z; mₖ, Sₖ Sₖᵀ) over latents (N, D), Sₖ triangular.

    Raises ValueError for factors that don't fit into memory.
    """

    def __init__(self, kind: Prior, latent: int, examples: int) -> None:
        """examples: of the training split, by which the number of components is chosen."""
        super().__init__()
        self.kind = kind
        affordable = examples // (EXAMPLES_PER_NUMBER * latent)
        count = {
            "gmm": max(1, min(COMPONENTS, affordable)),
            "vamp": max(1, min(PSEUDO_INPUTS, examples)),
        }.get(kind, 1)
        if count * latent**2 > MAX_NUMBERS:
            raise ValueError(
                f"prior={kind} of {latent:,} latents does not fit into memory: take fewer latents, "
                "or prior=standard"
            )
        self.log_shares: Tensor
        self.means: Tensor
        self.factors: Tensor
        self.register_buffer("log_shares", torch.full((count,), -math.log(count)))
        self.register_buffer("means", torch.zeros(count, latent))
        self.register_buffer("factors", torch.eye(latent).repeat(count, 1, 1))

    def __str__(self) -> str:
        if self.kind == "vamp":
            return f"the posteriors of {len(self.means)} training examples"
        if len(self.means) == 1:
            return "a Gaussian fitted to the aggregate posterior"
        return f"a mixture of {len(self.means)} Gaussians fitted to the aggregate posterior"

    def sample(self, count: int) -> Tensor:
        """(count, D), from torch's global generator."""
        chosen = self.log_shares.exp().multinomial(count, replacement=True)
        noise = torch.randn(count, self.means.shape[1], device=self.means.device)
        moved = (self.factors[chosen] @ noise[..., None]).squeeze(-1)
        latents: Tensor = self.means[chosen] + moved
        return latents

    def log_density(self, latents: Tensor) -> Tensor:
        """Latents (N, D) → log p(z) (N,), nats."""
        return self._log_joint(latents).logsumexp(1)

    def _log_joint(self, latents: Tensor) -> Tensor:
        """Latents (N, D) → log πₖ + log N(z; mₖ, Sₖ Sₖᵀ) (N, K)."""
        return torch.stack(
            [
                share + gaussian_log_density(latents, mean, factor)
                for share, mean, factor in zip(
                    self.log_shares, self.means, self.factors, strict=True
                )
            ],
            1,
        )

    def fit(self, mean: Tensor, log_variance: Tensor) -> None:
        """Fit to the mixture of posteriors with mean and log variance (N, D)."""
        if self.kind == "vamp":
            rows = torch.arange(len(self.means), device=mean.device) * len(mean) // len(self.means)
            self.means.copy_(mean[rows])
            self.factors.copy_((log_variance[rows] / 2).exp().diag_embed())
            return
        generator = torch.Generator().manual_seed(0)
        draws = max(1, DRAWN // len(mean))
        noise = torch.randn(draws, *mean.shape, generator=generator).to(mean)
        latents = (mean + (log_variance / 2).exp() * noise).flatten(0, 1)
        order = torch.randperm(len(mean), generator=generator)[: len(self.means)]
        nearest = torch.cdist(latents, mean[order.to(mean.device)]).argmin(1)
        shares = nn.functional.one_hot(nearest, len(self.means)).to(latents)
        for _ in range(ITERATIONS if len(self.means) > 1 else 1):
            self._maximise(latents, shares)
            shares = self._log_joint(latents).softmax(1)

    def _maximise(self, latents: Tensor, shares: Tensor) -> None:
        """The Gaussians of latents (N, D) that belong to them by shares (N, K)."""
        weights = shares.sum(0) + 1e-6
        self.log_shares.copy_((weights / weights.sum()).log())
        for component, weight in enumerate(weights):
            share = shares[:, component, None] / weight
            mean = (share * latents).sum(0)
            centred = latents - mean
            covariance = (share * centred).T @ centred
            covariance.diagonal().add_(MIN_VARIANCE)
            self.means[component] = mean
            self.factors[component] = torch.linalg.cholesky(covariance)


def gaussian_log_density(latents: Tensor, mean: Tensor, factor: Tensor) -> Tensor:
    """Latents (N, D), mean (D,), triangular S (D, D) → log N(z; m, S Sᵀ) (N,)."""
    white = torch.linalg.solve_triangular(factor, (latents - mean).T, upper=False)
    constant = factor.diagonal().log().sum() + len(mean) * math.log(2 * math.pi) / 2
    log_density: Tensor = -white.square().sum(0) / 2 - constant
    return log_density


def standard_log_density(latents: Tensor) -> Tensor:
    """Latents (N, D) → log N(z; 0, I) (N,), nats."""
    return -(latents.square().sum(1) + latents.shape[1] * math.log(2 * math.pi)) / 2
