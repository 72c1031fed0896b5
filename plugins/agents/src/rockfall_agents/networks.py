"""The networks of the agents: observations of any shape → a few numbers each.

`mlp` takes an observation as one vector. `conv` takes a grid. On a grid of 16 × 16 cells a single
cell may be an object, and its position is all that matters: so there is no pooling, the 3 × 3
kernels overlap where they stride, and the feature maps are flattened with their positions.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Literal

import numpy as np
from torch import Tensor, nn

import rockfall

Architecture = Literal["mlp", "conv"]

CHANNELS = 16
"""Channels of each convolution; a small grid holds few kinds of object."""

COARSEST_SIDE = 8
"""Cells a side down to which strides bring a grid; the first linear layer grows with its square."""


class Network(nn.Module):
    """observations (N, *shape) of any number type → (N, outputs): an encoder and an MLP."""

    def __init__(
        self,
        architecture: Architecture,
        info: rockfall.SourceInfo,
        hidden: tuple[int, ...],
        outputs: int,
        *,
        layer_norm: bool = False,
    ) -> None:
        """hidden: units in each hidden layer. layer_norm: whether LayerNorm precedes each ReLU.

        Raises ValueError for conv on observations that are not grids.
        """
        super().__init__()
        # Integers are the brightness of pixels, which is scaled to 0 … 1.
        pixels = np.issubdtype(np.dtype(info.dtype), np.integer)
        self.scale = 1 / info.high if pixels and info.high else 1.0
        encoder = ConvEncoder(info.shape) if architecture == "conv" else nn.Flatten()
        features = encoder.features if isinstance(encoder, ConvEncoder) else prod(info.shape)
        self.eye = encoder  # the name by which checkpoints know the encoder
        layers: list[nn.Module] = []
        for before, after in pairwise((features, *hidden)):
            layers += [nn.Linear(before, after), *[nn.LayerNorm(after)] * layer_norm, nn.ReLU()]
        self.hidden = nn.Sequential(*layers)
        self.head = nn.Linear((features, *hidden)[-1], outputs)

    def forward(self, observations: Tensor) -> Tensor:
        features = self.eye(observations.float() * self.scale)
        outputs: Tensor = self.head(self.hidden(features))
        return outputs


class ConvEncoder(nn.Module):
    """(N, H, W), (N, C, H, W) or (N, H, W, C) → (N, features).

    Of three axes, the shorter of the first and the last is taken for the channels.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Raises ValueError for a shape that is not a grid's."""
        super().__init__()
        if len(shape) not in (2, 3):
            raise ValueError(
                f"network=conv needs grids, (H, W) or (C, H, W), and these observations have "
                f"shape {shape}: use network=mlp"
            )
        self.without_channels = len(shape) == 2
        self.channels_last = len(shape) == 3 and shape[2] < shape[0]
        channels, *sides = (1, *shape) if self.without_channels else shape
        if self.channels_last:
            channels, *sides = shape[2], *shape[:2]
        layers: list[nn.Module] = []
        while not layers or max(sides) > COARSEST_SIDE:
            stride = 2 if max(sides) > COARSEST_SIDE else 1
            layers += [nn.Conv2d(channels, CHANNELS, 3, stride, padding=1), nn.ReLU()]
            channels, sides = CHANNELS, [-(-side // stride) for side in sides]
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.features = CHANNELS * prod(sides)

    def forward(self, grids: Tensor) -> Tensor:
        if self.without_channels:
            grids = grids.unsqueeze(1)
        elif self.channels_last:
            grids = grids.movedim(-1, 1)
        features: Tensor = self.layers(grids)
        return features
