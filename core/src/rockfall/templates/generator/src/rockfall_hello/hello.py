"""Probabilistic principal component analysis (PPCA), fitted by expectation–maximisation.

Tipping and Bishop 1999, "Probabilistic Principal Component Analysis", section 3 and appendix B. A
picture t of D pixels is a linear map of a few latent variables, x ~ N(0, I), with noise:

    t = W x + μ + ε,   ε ~ N(0, σ² I)

    repeat
        M = WᵀW + σ² I,  ⟨x⟩ = M⁻¹ Wᵀ (t − μ),  ⟨xxᵀ⟩ = σ² M⁻¹ + ⟨x⟩⟨x⟩ᵀ               E step
        W = (Σ (t − μ)⟨x⟩ᵀ) (Σ ⟨xxᵀ⟩)⁻¹                                                M step
        σ² = Σ (|t − μ|² − 2 ⟨x⟩ᵀWᵀ(t − μ) + tr(⟨xxᵀ⟩ WᵀW)) / N D
"""

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

import rockfall
from rockfall.kit.tracing import Layer, trace_layers


class Hello(nn.Module):
    class Config(rockfall.Config):
        latents: int = Field(16, ge=1, description="number of latent variables; more give detail")
        steps: int = Field(50, ge=1, description="iterations of EM; digits need no more")

    presets: ClassVar = {"tiny": {"latents": 4, "steps": 5}}
    weight: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(self, config: Config, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.config = config
        self.shape = info.shape
        pixels = math.prod(info.shape)
        self.register_buffer("weight", 0.1 * torch.randn(pixels, config.latents))
        self.register_buffer("mean", torch.zeros(pixels))
        self.register_buffer("variance", torch.ones(()))

    def fit(self, data: rockfall.Dataset, run: rockfall.Run) -> None:
        pictures = data.train.inputs.flatten(1) / 255
        self.mean.copy_(pictures.mean(0))
        centred = pictures - self.mean
        identity = torch.eye(self.config.latents, device=run.device)
        for _ in run.steps(self.config.steps):
            w, variance = self.weight, self.variance
            inverse = torch.linalg.inv(w.T @ w + variance * identity)
            x = centred @ w @ inverse
            xx = len(x) * variance * inverse + x.T @ x
            w = centred.T @ x @ torch.linalg.inv(xx)
            error = centred.square().sum() - 2 * ((centred @ w) * x).sum() + (xx * (w.T @ w)).sum()
            self.weight.copy_(w)
            self.variance.copy_(error / centred.numel())
            run.log(noise_variance=self.variance)

    def sample(self, count: int) -> Tensor:
        """New pictures (count, C, H, W) uint8."""
        pictures = self.means(self.sample_latents(count))
        return self.as_bytes(pictures + self.variance.sqrt() * torch.randn_like(pictures))

    def sample_latents(self, count: int) -> Tensor:
        """Latent variables x (count, latents) of their prior."""
        return torch.randn(count, self.config.latents, device=self.mean.device)

    def decode(self, latents: Tensor) -> Tensor:
        """x (N, latents) → pictures (N, C, H, W) uint8, without the noise."""
        return self.as_bytes(self.means(latents))

    def means(self, latents: Tensor) -> Tensor:
        return latents @ self.weight.T + self.mean

    def as_bytes(self, pictures: Tensor) -> Tensor:
        return (pictures * 255).round().clamp(0, 255).byte().view(-1, *self.shape)

    def reconstructed(self, inputs: Tensor) -> Tensor:
        """Pictures (N, C, H, W) → means of pixels, 0 to 1, by their mean latents ⟨x⟩."""
        w, pictures = self.weight, inputs.flatten(1) / 255
        identity = torch.eye(self.config.latents, device=inputs.device)
        x = (pictures - self.mean) @ w @ torch.linalg.inv(w.T @ w + self.variance * identity)
        return self.means(x).view(inputs.shape)

    def trace(self, inputs: Tensor) -> list[Layer]:
        """Pictures (N, C, H, W) → what each step makes of them, for whoever looks inside."""
        return trace_layers(self, inputs, self.reconstructed)
