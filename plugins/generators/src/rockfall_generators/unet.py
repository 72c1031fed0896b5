"""A small U-Net: pictures, a time and a class → velocities.

Ronneberger, Fischer and Brox 2015, "U-Net: Convolutional Networks for Biomedical Image
Segmentation", with the residual blocks of Ho, Jain and Abbeel 2020, "Denoising Diffusion
Probabilistic Models", appendix B: group normalisation, SiLU, and what conditions it added to each.
It differs from both: one block a level, two halvings at most, no attention, and sides of any length
(halves are rounded up, and cut off again when they are doubled).
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rockfall_generators.velocity import TIME_FEATURES, time_embedding

SMALLEST_SIDE = 7
"""Pixels a side that are not halved any further."""
MAX_HALVINGS = 2
GROUPS = 8
"""Groups of channels that are normalised together, at most."""


class UNetVelocity(nn.Module):
    """Values (N, D) of pictures, times (N,) and conditions (N, K) → velocities (N, D)."""

    def __init__(self, shape: tuple[int, ...], channels: int, conditions: int = 0) -> None:
        super().__init__()
        self.shape = shape
        sides, widths = min(shape[1:]), [channels]
        while len(widths) <= MAX_HALVINGS and sides > SMALLEST_SIDE:
            widths.append(2 * channels)
            sides = -(-sides // 2)
        features = TIME_FEATURES + conditions
        self.inward = nn.Conv2d(shape[0], channels, 3, padding=1)
        self.down = nn.ModuleList(Block(width, width, features) for width in widths[:-1])
        self.halve = nn.ModuleList(
            nn.Conv2d(before, after, 3, 2, padding=1)
            for before, after in itertools.pairwise(widths)
        )
        self.middle = Block(widths[-1], widths[-1], features)
        self.up = nn.ModuleList(
            Block(before + after, before, features)
            for before, after in zip(widths[-2::-1], widths[:0:-1], strict=True)
        )
        self.norm = nn.GroupNorm(groups(channels), channels)
        self.outward = nn.Conv2d(channels, shape[0], 3, padding=1)
        nn.init.zeros_(self.outward.weight)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, values: Tensor, times: Tensor, conditions: Tensor | None = None) -> Tensor:
        features = time_embedding(times)
        if conditions is not None:
            features = torch.cat((features, conditions), 1)
        pictures = values.view(-1, *self.shape)
        hidden = self.inward(pictures.contiguous(memory_format=torch.channels_last))
        kept = []
        for block, halve in zip(self.down, self.halve, strict=True):
            hidden = block(hidden, features)
            kept.append(hidden)
            hidden = halve(hidden)
        hidden = self.middle(hidden, features)
        for block, beside in zip(self.up, reversed(kept), strict=True):
            doubled = F.interpolate(hidden, scale_factor=2.0, mode="nearest")
            doubled = doubled[:, :, : beside.shape[2], : beside.shape[3]]
            hidden = block(torch.cat((beside, doubled), 1), features)
        velocities: Tensor = self.outward(F.silu(self.norm(hidden)))
        return velocities.flatten(1).float()


class Block(nn.Module):
    """h + W₂ ∗ silu(norm(W₁ ∗ silu(norm(h)) + features)), 3 × 3."""

    def __init__(self, before: int, after: int, features: int) -> None:
        super().__init__()
        self.first_norm = nn.GroupNorm(groups(before), before)
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.features = nn.Linear(features, after)
        self.second_norm = nn.GroupNorm(groups(after), after)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, hidden: Tensor, features: Tensor) -> Tensor:
        inner = self.first(F.silu(self.first_norm(hidden)))
        inner = inner + self.features(features)[:, :, None, None]
        residual: Tensor = self.second(F.silu(self.second_norm(inner)))
        kept: Tensor = self.shortcut(hidden)
        return kept + residual


def groups(channels: int) -> int:
    """The most groups, up to `GROUPS`, that divide the channels."""
    return max(count for count in range(1, GROUPS + 1) if channels % count == 0)
