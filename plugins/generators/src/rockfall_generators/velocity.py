"""The networks of a flow: where a value is and when → how fast, and where to, it moves."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TIMES = 64
"""Numbers that a time is told to a network by."""
FASTEST = 1000.0
"""Radians from time 0 to 1 of the quickest of them, which tells apart times of 0.001."""
NEAREST = 0.05
"""Of the way is taken for left where less is, for errors in where it ends would be divided by 0."""


class DenseVelocity(nn.Module):
    """Values (N, D) and times (N,) → velocities (N, D), by fully-connected residual blocks.

    The network says where x is bound for, and so v(x, t) = (destination(x, t) − x) / (1 − t). Its
    layers may be narrower than D, as the data mostly are: to say the velocity itself, they would
    have to carry all of the noise (Li and He 2025, "Back to Basics: Let Denoising Generative Models
    Denoise").
    """

    def __init__(self, count: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.inward = nn.Linear(count, hidden)
        self.blocks = nn.ModuleList(DenseBlock(hidden) for _ in range(blocks))
        self.outward = zero(nn.Linear(hidden, count))

    def forward(self, values: Tensor, times: Tensor) -> Tensor:
        told = waves(times)
        hidden = self.inward(values)
        for block in self.blocks:
            hidden = block(hidden, told)
        destination = self.outward(F.silu(hidden))
        velocities: Tensor = (destination - values) / (1 - times).clamp(min=NEAREST)[:, None]
        return velocities


class DenseBlock(nn.Module):
    """h + W₂ silu(W₁ (norm(h) · (1 + scale(t)) + shift(t))), which begins as h.

    A norm scaled and shifted by what is told, as Peebles and Xie 2023 have it, "Scalable Diffusion
    Models with Transformers", section 3.2: with the time beside the values as one more input,
    velocities are blurred.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden, elementwise_affine=False)
        self.told = zero(nn.Linear(TIMES, 2 * hidden))
        self.layers = nn.Sequential(
            nn.Linear(hidden, hidden), nn.SiLU(), zero(nn.Linear(hidden, hidden))
        )

    def forward(self, hidden: Tensor, told: Tensor) -> Tensor:
        scale, shift = self.told(told).chunk(2, 1)
        more: Tensor = self.layers(self.norm(hidden) * (1 + scale) + shift)
        return hidden + more


def waves(times: Tensor) -> Tensor:
    """Times (N,) → cosines and sines (N, TIMES), from one of 1 radian to one of `FASTEST`.

    Vaswani et al. 2017, "Attention Is All You Need", section 3.5.
    """
    exponents = torch.linspace(0, math.log(FASTEST), TIMES // 2, device=times.device)
    angles = times[:, None] * exponents.exp()
    return torch.cat((angles.cos(), angles.sin()), 1)


def zero(layer: nn.Linear) -> nn.Linear:
    """The layer with weights and biases of 0, so that it says nothing at first."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
