"""Our networks as features extractors of stable-baselines3's policies."""

from __future__ import annotations

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

import rockfall
from rockfall_agents.networks import Architecture, Network, PixelScale, encoder


class FeaturesExtractor(BaseFeaturesExtractor):
    """observations as vectors (N, D) → activations of the last hidden layer, (N, hidden[-1])."""

    def __init__(
        self,
        space: spaces.Box,
        *,
        architecture: Architecture,
        info: rockfall.SourceInfo,
        hidden: tuple[int, ...],
        layer_norm: bool,
        normalize: bool = False,
    ) -> None:
        *before, last = hidden
        super().__init__(space, last)
        self.shape = info.shape
        self.network = Network(
            architecture, info, tuple(before), last, layer_norm=layer_norm, normalize=normalize
        )
        self.norm = nn.LayerNorm(last) if layer_norm else nn.Identity()

    def forward(self, observations: Tensor) -> Tensor:
        grids = observations.reshape(len(observations), *self.shape)
        return torch.relu(self.norm(self.network(grids)))


class Encoded(BaseFeaturesExtractor):
    """observations as vectors (N, D) → what the encoder alone makes of them, (N, features)."""

    def __init__(
        self, space: spaces.Box, *, architecture: Architecture, info: rockfall.SourceInfo
    ) -> None:
        encoding = encoder(architecture, info)
        super().__init__(space, encoding.features)
        self.shape, self.scale = info.shape, PixelScale(info)
        self.encoder = encoding

    def forward(self, observations: Tensor) -> Tensor:
        grids = observations.reshape(len(observations), *self.shape)
        features: Tensor = self.encoder(self.scale(grids))
        return features
