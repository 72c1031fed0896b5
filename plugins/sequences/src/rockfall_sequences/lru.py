"""The linear recurrent unit (LRU): a diagonal state-space model whose state turns and decays.

Orvieto, Smith, Gu, Fernando, Gulcehre, Pascanu and De 2023, "Resurrecting Recurrent Neural Networks
for Long Sequences", arXiv:2303.06349. Each unit of the complex state h is multiplied by a number λ
of its own at each step, inside of the unit circle, and nothing but the output is not linear:

    hₜ = λ ⊙ hₜ₋₁ + γ ⊙ (B xₜ)            λ = exp(−exp(ν) + i exp(θ))        γ = √(1 − |λ|²)
    yₜ = Re(C hₜ) + D xₜ                  out = P yₜ ⊙ σ(Q yₜ)

|λ| begins evenly over the ring from `radius` to 1 by area, its angle evenly up to `angle`. γ keeps
the state as large as its input, however slowly it decays; it is learned, from that value.

Departs from the paper: out adds xₜ where a layer is as wide as the one below, but nothing is
normalised; the recurrence is computed in blocks (`scan.py`), not as a tree.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from rockfall_sequences.scan import scan
from rockfall_sequences.sequence_model import TEXT, TINY, RecurrentConfig, SequenceModel


class LruConfig(RecurrentConfig):
    layers: int = Field(
        2, ge=1, le=64, description="layers; a second one, for within one nothing is decided"
    )
    radius: float = Field(
        0.9, ge=0, lt=1, description="least |λ| at first: how much of a state a step keeps"
    )
    angle: float = Field(
        math.pi / 10,
        gt=0,
        le=2 * math.pi,
        description="greatest angle of λ at first, by which a state turns each step; the paper's "
        "for long sequences",
    )


class LruLayer(nn.Module):
    """(N, T, inputs) → (N, T, units), with as many complex numbers as units for a state."""

    def __init__(self, inputs: int, units: int, radius: float, angle: float) -> None:
        super().__init__()
        areas = radius**2 + torch.rand(units) * (1 - radius**2) * 0.999
        sizes = areas.sqrt()
        self.nu = nn.Parameter((-sizes.log()).log())
        self.theta = nn.Parameter((angle * torch.rand(units) + 1e-4).log())
        self.gamma = nn.Parameter((1 - areas).sqrt())
        self.into = nn.Linear(inputs, 2 * units, bias=False)
        self.out = nn.Linear(2 * units, units, bias=False)
        self.past = nn.Linear(inputs, units)
        self.gated = nn.Linear(units, 2 * units)
        self.residual = inputs == units

    def states(self, steps: Tensor, state: Tensor | None = None) -> Tensor:
        """h, (N, T, units) complex."""
        real, imaginary = self.into(steps).to(self.gamma.dtype).chunk(2, -1)
        b = torch.complex(self.gamma * real, self.gamma * imaginary)
        return scan(self.eigenvalues().expand(b.shape), b, state)

    def eigenvalues(self) -> Tensor:
        """λ, (units,) complex."""
        return torch.polar((-self.nu.exp()).exp(), self.theta.exp())

    def forward(self, steps: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self.states(steps, state)
        y = self.out(torch.cat((h.real, h.imag), -1)) + self.past(steps)
        value, gate = self.gated(y).chunk(2, -1)
        given = value * gate.sigmoid()
        return given + steps if self.residual else given, h[:, -1]

    def holds(self, steps: Tensor) -> dict[str, Tensor]:
        h = self.states(steps)
        return {"state, real part": h.real, "state, size": h.abs()}


class Lru(SequenceModel):
    """inputs (N, T, …) → outputs (N, T, K)."""

    Config = LruConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {"tiny": TINY, "text": TEXT}

    def layer(self, inputs: int, units: int) -> nn.Module:
        return LruLayer(inputs, units, self.config.radius, self.config.angle)
