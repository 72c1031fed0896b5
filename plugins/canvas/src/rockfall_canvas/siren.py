"""SIREN: a network with sine activations.

Sitzmann et al. 2020, "Implicit Neural Representations with Periodic Activation Functions": each
layer is sin(ω₀ (Wx + b)). With weights of the first layer from U(−1/n, 1/n) and of the others from
U(−√(6/n)/ω₀, √(6/n)/ω₀), n the inputs, the argument of every sine is about standard normal, however
deep the network (section 3.2). The first layer has an ω₀ of its own, as in the authors' program; it
sets the frequencies that the network begins with.

It differs from the authors' program in that first ω₀, 90 by default and not 30, and in training on
mini-batches of pixels, not on the whole picture at once.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from rockfall_canvas.precision import without_autocast

OMEGA = 30.0
"""ω₀ of all layers but the first."""


class Siren(nn.Module):
    """Coordinates (N, 2) → colours (N, 3), through `layers` hidden layers of `hidden` units.

    omega_0: ω₀ of the first layer.
    """

    def __init__(self, layers: int, hidden: int, omega_0: float) -> None:
        super().__init__()
        self.omega_0 = omega_0
        self.first = nn.Linear(2, hidden)
        self.rest = nn.ModuleList(SineLayer(hidden) for _ in range(layers - 1))
        self.last = nn.Linear(hidden, 3)
        nn.init.uniform_(self.first.weight, -1 / 2, 1 / 2)
        init_weight(self.last)

    def forward(self, coordinates: Tensor) -> Tensor:
        with without_autocast(coordinates.device):
            features = torch.sin(self.omega_0 * self.first(coordinates))
        for layer in self.rest:
            features = layer(features)
        colours: Tensor = self.last(features)
        return colours


class SineLayer(nn.Linear):
    """sin(ω₀ (Wx + b)), (N, hidden) → (N, hidden)."""

    def __init__(self, hidden: int) -> None:
        super().__init__(hidden, hidden)
        init_weight(self)

    def forward(self, features: Tensor) -> Tensor:
        # ω₀ scales the weights, which are far fewer numbers than the activations.
        return functional.linear(features, OMEGA * self.weight, OMEGA * self.bias).sin()


def init_weight(layer: nn.Linear) -> None:
    """Initialise the weight of a layer whose inputs are sines."""
    bound = math.sqrt(6 / layer.in_features) / OMEGA
    nn.init.uniform_(layer.weight, -bound, bound)
