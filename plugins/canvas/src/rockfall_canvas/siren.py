"""SIREN: a network whose units are sines.

Sitzmann et al. 2020, "Implicit Neural Representations with Periodic Activation Functions": each
layer is sin(ω₀ (Wx + b)). With weights of the first from U(−1/n, 1/n) and of the others from
U(−√(6/n)/ω₀, √(6/n)/ω₀), n the inputs, the sum within every sine has about the standard normal
distribution, however deep the network (section 3.2). The first layer has an ω₀ of its own, as in
the authors' program: how fine the details are that it can tell.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from rockfall_canvas.exact import exactly

OMEGA = 30.0
"""ω₀ of all layers but the first."""


class Siren(nn.Module):
    """Coordinates (N, 2) → colours (N, 3), through `layers` hidden ones of `hidden` units.

    omega: ω₀ of the first.
    """

    def __init__(self, layers: int, hidden: int, omega: float) -> None:
        super().__init__()
        self.omega = omega
        self.first = nn.Linear(2, hidden)
        self.rest = nn.ModuleList(Sine(hidden) for _ in range(layers - 1))
        self.last = nn.Linear(hidden, 3)
        nn.init.uniform_(self.first.weight, -1 / 2, 1 / 2)
        uniform(self.last)

    def forward(self, places: Tensor) -> Tensor:
        with exactly(places.device):
            features = torch.sin(self.omega * self.first(places))
        for layer in self.rest:
            features = layer(features)
        colours: Tensor = self.last(features)
        return colours


class Sine(nn.Linear):
    """sin(ω₀ (Wx + b)), (N, hidden) → (N, hidden)."""

    def __init__(self, hidden: int) -> None:
        super().__init__(hidden, hidden)
        uniform(self)

    def forward(self, features: Tensor) -> Tensor:
        # ω₀ with the weights, which are far fewer numbers than what they give
        return functional.linear(features, OMEGA * self.weight, OMEGA * self.bias).sin()


def uniform(layer: nn.Linear) -> None:
    """The weights of a layer upon sines."""
    bound = math.sqrt(6 / layer.in_features) / OMEGA
    nn.init.uniform_(layer.weight, -bound, bound)
