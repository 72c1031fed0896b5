"""The network of a flow: values and a time → velocities."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TIME_FEATURES = 64
"""Dimension of the embedding of a time."""
MAX_FREQUENCY = 1000.0
"""Radians from time 0 to 1 of its highest frequency, which resolves times 0.001 apart."""
MIN_TIME_LEFT = 0.05
"""Lower bound of 1 − t in the velocity's denominator, by which errors of the end point would grow
without bound."""


class DenseVelocity(nn.Module):
    """Values (N, D), times (N,) and conditions (N, K) → velocities (N, D), by fully connected
    residual blocks.

    The network predicts the end point of the path through x, from which the velocity follows:
    v(x, t) = (x₁(x, t) − x) / (1 − t). So its layers may be narrower than D, as the data's manifold
    mostly is: to predict the velocity, they would have to carry all of the noise (Li and He 2025,
    "Back to Basics: Let Denoising Generative Models Denoise").
    """

    def __init__(self, count: int, hidden: int, blocks: int, conditions: int = 0) -> None:
        super().__init__()
        features = TIME_FEATURES + conditions
        self.inward = nn.Linear(count, hidden)
        self.blocks = nn.ModuleList(DenseBlock(hidden, features) for _ in range(blocks))
        self.outward = zero_init(nn.Linear(hidden, count))

    def forward(self, values: Tensor, times: Tensor, conditions: Tensor | None = None) -> Tensor:
        embedding = time_embedding(times)
        if conditions is not None:
            embedding = torch.cat((embedding, conditions), 1)
        hidden = self.inward(values)
        for block in self.blocks:
            hidden = block(hidden, embedding)
        end_point = self.outward(F.silu(hidden))
        time_left = (1 - times).clamp(min=MIN_TIME_LEFT)
        velocities: Tensor = (end_point - values) / time_left[:, None]
        return velocities


class DenseBlock(nn.Module):
    """h + W₂ silu(W₁ (norm(h) · (1 + scale(t)) + shift(t))), initially the identity.

    Adaptive layer normalisation (adaLN-Zero: Peebles and Xie 2023, "Scalable Diffusion Models with
    Transformers", section 3.2), without the gate on the residual. With the time as one more input
    beside the values, velocities come out blurred.
    """

    def __init__(self, hidden: int, features: int = TIME_FEATURES) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden, elementwise_affine=False)
        self.told = zero_init(nn.Linear(features, 2 * hidden))  # named as in checkpoints
        self.layers = nn.Sequential(
            nn.Linear(hidden, hidden), nn.SiLU(), zero_init(nn.Linear(hidden, hidden))
        )

    def forward(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.told(embedding).chunk(2, 1)
        residual: Tensor = self.layers(self.norm(hidden) * (1 + scale) + shift)
        return hidden + residual


def time_embedding(times: Tensor) -> Tensor:
    """Times (N,) → sinusoidal embedding (N, TIME_FEATURES): cosines and sines of frequencies from 1
    to `MAX_FREQUENCY`.

    Vaswani et al. 2017, "Attention Is All You Need", section 3.5.
    """
    exponents = torch.linspace(0, math.log(MAX_FREQUENCY), TIME_FEATURES // 2, device=times.device)
    angles = times[:, None] * exponents.exp()
    return torch.cat((angles.cos(), angles.sin()), 1)


def zero_init(layer: nn.Linear) -> nn.Linear:
    """The layer with weights and biases of 0, so that its output is 0 at first."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
