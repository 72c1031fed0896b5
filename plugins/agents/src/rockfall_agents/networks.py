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
import torch
from torch import Tensor, nn

import rockfall
from rockfall_agents.memory import Memory, Recurrent
from rockfall_agents.normalizing import Normalizer

Architecture = Literal["mlp", "conv"]

CHANNELS = 16
"""Channels of each convolution; a small grid holds few kinds of object."""

COARSEST_SIDE = 8
"""Cells a side down to which strides bring a grid; the first linear layer grows with its square."""


class Network(nn.Module):
    """observations (N, *shape) of any number type → (N, outputs): an encoder, an MLP and, if it
    remembers, a recurrent layer.
    """

    def __init__(
        self,
        architecture: Architecture,
        info: rockfall.SourceInfo,
        hidden: tuple[int, ...],
        outputs: int,
        *,
        layer_norm: bool = False,
        memory: Memory = "none",
        normalize: bool = False,
    ) -> None:
        """hidden: units in each hidden layer. layer_norm: whether LayerNorm precedes each ReLU.
        memory: the recurrent layer after the hidden ones, as wide as the last of them. normalize:
        whether observations are normalised by statistics, which move where `normalizer` is updated.

        Raises ValueError for conv on observations that are not grids.
        """
        super().__init__()
        self.scale = pixel_scale(info)
        self.eye = encoder(architecture, info)  # the name by which checkpoints know it
        sizes = (self.eye.features, *hidden)
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), *[nn.LayerNorm(after)] * layer_norm, nn.ReLU()]
        self.hidden = nn.Sequential(*layers)
        self.head = nn.Linear(sizes[-1], outputs)
        # What is off adds nothing to a state dict.
        self.recurrent = Recurrent(memory, sizes[-1]) if memory != "none" else None
        self.normalizer = Normalizer(info.shape) if normalize else None

    @property
    def memory_size(self) -> int:
        """Numbers that it remembers of an episode."""
        return self.recurrent.size if self.recurrent else 0

    def forward(self, observations: Tensor) -> Tensor:
        """Outputs for first observations of episodes, of which nothing is remembered yet."""
        if self.recurrent:
            nothing = torch.zeros(len(observations), self.memory_size, device=observations.device)
            return self.step(observations, nothing)[0]
        outputs: Tensor = self.head(self._features(observations))
        return outputs

    def step(self, observations: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs for the next observations, (N, *shape), and the memory after them.

        memory: of the episodes until now, (N, `memory_size`).
        """
        if not self.recurrent:
            return self.forward(observations), memory
        features, memory = self.recurrent(self._features(observations), memory)
        return self.head(features), memory

    def unroll(self, observations: Tensor, memory: Tensor, ended: Tensor) -> Tensor:
        """Outputs for what `rollout.samples` gives: of transitions (N, *shape) those are (N, K),
        and with memory, of sequences (N, T, *shape), (N, T, K).

        memory: before each observation. ended: after which another episode begins, (N, T).
        """
        if not self.recurrent:
            return self.forward(observations)
        features = self._features(observations.flatten(0, 1)).unflatten(0, ended.shape)
        remembered, outputs = memory[:, 0], []
        for seen, over in zip(features.unbind(1), ended.unbind(1), strict=True):
            output, remembered = self.recurrent(seen, remembered)
            outputs.append(output)
            remembered = remembered * ~over[:, None]
        unrolled: Tensor = self.head(torch.stack(outputs, 1))
        return unrolled

    def _features(self, observations: Tensor) -> Tensor:
        scaled = observations.float() * self.scale
        if self.normalizer:
            scaled = self.normalizer(scaled)
        features: Tensor = self.hidden(self.eye(scaled))
        return features

    def observe(self, observations: Tensor) -> None:
        """Let the statistics of normalisation, if it has any, take in observations (N, *shape)."""
        if self.normalizer:
            self.normalizer.update(observations.float() * self.scale)


def encoder(architecture: Architecture, info: rockfall.SourceInfo) -> ConvEncoder | FlatEncoder:
    """observations (N, *shape), scaled by `pixel_scale` → (N, features)."""
    return ConvEncoder(info.shape) if architecture == "conv" else FlatEncoder(info.shape)


def pixel_scale(info: rockfall.SourceInfo) -> float:
    """What observations are multiplied by: integers are the brightness of pixels, 0 … 1 then."""
    pixels = np.issubdtype(np.dtype(info.dtype), np.integer)
    return 1 / info.high if pixels and info.high else 1.0


class FlatEncoder(nn.Flatten):
    """(N, *shape) → (N, features), one after the other."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.features = prod(shape)


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
