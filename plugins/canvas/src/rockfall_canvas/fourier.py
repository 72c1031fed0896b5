"""Random Fourier features, and a small network of rectified linear units upon them.

Tancik et al. 2020, "Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional
Domains": γ(v) = [cos 2πBv, sin 2πBv] with entries of B from N(0, σ²) (section 5.3). σ says how fine
the details are that are learned at once; too large, and what lies between pixels is noise.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rockfall_canvas.dense import rectified
from rockfall_canvas.exact import exactly


class Fourier(nn.Module):
    """Coordinates (N, 2) → colours (N, 3). There are as many features as hidden units."""

    frequencies: Tensor

    def __init__(self, layers: int, hidden: int, sigma: float) -> None:
        super().__init__()
        waves = -(-hidden // 2)
        self.register_buffer("frequencies", 2 * math.pi * sigma * torch.randn(2, waves))
        self.rest = rectified(2 * waves, layers, hidden)

    def forward(self, places: Tensor) -> Tensor:
        with exactly(places.device):
            phases = places @ self.frequencies
            features = torch.cat((phases.cos(), phases.sin()), 1)
        colours: Tensor = self.rest(features)
        return colours
