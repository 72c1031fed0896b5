"""The networks of our own agents: observations of any shape in, a few numbers each out.

`mlp` takes an observation as one long vector. `conv` takes a grid. On a grid of 16 squares a side
a single square is a thing, and where it is is all that matters: so nothing is pooled, windows of
3 × 3 overlap where they stride, and what they saw goes on place by place.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Literal

import numpy as np
from torch import Tensor, nn

import rockfall

Kind = Literal["mlp", "conv"]

CHANNELS = 16
"""Kinds of thing that a convolution can tell apart; a small grid holds few."""

COARSEST = 8
"""Places a side that strides bring a larger grid down to; the next layer's size goes by it."""


class Network(nn.Module):
    """observations (N, *shape) of any number type → (N, outputs)."""

    def __init__(
        self,
        kind: Kind,
        info: rockfall.SourceInfo,
        hidden: tuple[int, ...],
        outputs: int,
        *,
        norm: bool = False,
    ) -> None:
        """hidden: units of each layer. norm: whether they are normalised before they are rectified.

        Raises ValueError for conv on what is not a grid.
        """
        super().__init__()
        # Whole numbers are the brightness of pixels, which comes down to 0 … 1.
        pixels = np.issubdtype(np.dtype(info.dtype), np.integer)
        self.scale = 1 / info.high if pixels and info.high else 1.0
        self.eye = Convolutions(info.shape) if kind == "conv" else nn.Flatten()
        seen = self.eye.features if isinstance(self.eye, Convolutions) else prod(info.shape)
        layers: list[nn.Module] = []
        for before, after in pairwise((seen, *hidden)):
            layers += [nn.Linear(before, after), *[nn.LayerNorm(after)] * norm, nn.ReLU()]
        self.hidden = nn.Sequential(*layers)
        self.head = nn.Linear((seen, *hidden)[-1], outputs)

    def forward(self, observations: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.hidden(self.eye(observations.float() * self.scale)))
        return outputs


class Convolutions(nn.Module):
    """(N, H, W), (N, C, H, W) or (N, H, W, C) → (N, features).

    The shorter of the first and the last axis of three holds the channels.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Raises ValueError for a shape that is not a grid's."""
        super().__init__()
        if len(shape) not in (2, 3):
            raise ValueError(
                f"network=conv sees grids, (H, W) or (C, H, W), and these observations have "
                f"shape {shape}: use network=mlp"
            )
        self.flat = len(shape) == 2
        self.channels_last = len(shape) == 3 and shape[2] < shape[0]
        channels, *sides = (1, *shape) if self.flat else shape
        if self.channels_last:
            channels, *sides = shape[2], *shape[:2]
        layers: list[nn.Module] = []
        while not layers or max(sides) > COARSEST:
            stride = 2 if max(sides) > COARSEST else 1
            layers += [nn.Conv2d(channels, CHANNELS, 3, stride, padding=1), nn.ReLU()]
            channels, sides = CHANNELS, [-(-side // stride) for side in sides]
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.features = CHANNELS * prod(sides)

    def forward(self, grids: Tensor) -> Tensor:
        if self.flat:
            grids = grids.unsqueeze(1)
        elif self.channels_last:
            grids = grids.movedim(-1, 1)
        features: Tensor = self.layers(grids)
        return features
