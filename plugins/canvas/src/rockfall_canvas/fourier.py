"""Random Fourier features and an MLP upon them.

Tancik et al. 2020, "Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional
Domains": γ(v) = [cos 2πBv, sin 2πBv] with entries of B from N(0, σ²) (section 5.3). A larger σ
learns finer detail sooner; with too large a one, the network overfits, and what it renders between
pixels is noise.

It differs from the paper in having as many features as hidden units, 2 × 128 by default and not
2 × 256; in coordinates in [-1, 1] and not [0, 1], so that a σ here is 2σ there; and in its last
layer, which is linear and not a sigmoid.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rockfall_canvas.precision import without_autocast
from rockfall_canvas.relu_mlp import relu_layers


class Fourier(nn.Module):
    """Coordinates (N, 2) → colours (N, 3), through `layers` hidden layers of `hidden` units.

    sigma: standard deviation σ of the features' frequencies.
    """

    frequencies: Tensor

    def __init__(self, layers: int, hidden: int, sigma: float) -> None:
        super().__init__()
        count = -(-hidden // 2)
        self.register_buffer("frequencies", 2 * math.pi * sigma * torch.randn(2, count))
        self.rest = relu_layers(2 * count, layers, hidden)

    def forward(self, coordinates: Tensor) -> Tensor:
        with without_autocast(coordinates.device):
            phases = coordinates @ self.frequencies
            features = torch.cat((phases.cos(), phases.sin()), 1)
        colours: Tensor = self.rest(features)
        return colours
