"""Our networks as features extractors of stable-baselines3's policies."""

from __future__ import annotations

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

import rockfall
from rockfall_agents.encoders import Architecture, PixelScale, encoder
from rockfall_agents.networks import Network
from rockfall_agents.normalizing import Normalizer


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
        normalizer: Normalizer | None,
    ) -> None:
        """normalizer: the same one in all extractors of a policy."""
        *before, last = hidden
        super().__init__(space, last)
        self.shape = info.shape
        self.network = Network(architecture, info, tuple(before), last, layer_norm=layer_norm)
        self.network.normalizer = normalizer
        self.norm = nn.LayerNorm(last) if layer_norm else nn.Identity()

    def forward(self, observations: Tensor) -> Tensor:
        grids = observations.reshape(len(observations), *self.shape)
        return torch.relu(self.norm(self.network(grids)))

    def observe(self, observations: Tensor) -> None:
        """Let the statistics of normalisation, if it has any, take in observations (N, D)."""
        self.network.observe(observations.reshape(len(observations), *self.shape))


class Encoded(BaseFeaturesExtractor):
    """observations as vectors (N, D) → what the encoder alone makes of them, (N, features)."""

    def __init__(
        self,
        space: spaces.Box,
        *,
        architecture: Architecture,
        info: rockfall.SourceInfo,
        normalizer: Normalizer | None,
    ) -> None:
        encoding = encoder(architecture, info)
        super().__init__(space, encoding.features)
        self.shape, self.scale = info.shape, PixelScale(info)
        self.encoder = encoding
        self.normalizer = normalizer

    def forward(self, observations: Tensor) -> Tensor:
        scaled = self._scaled(observations)
        features: Tensor = self.encoder(self.normalizer(scaled) if self.normalizer else scaled)
        return features

    def observe(self, observations: Tensor) -> None:
        """Let the statistics of normalisation, if it has any, take in observations (N, D)."""
        if self.normalizer:
            self.normalizer.update(self._scaled(observations))

    def _scaled(self, observations: Tensor) -> Tensor:
        scaled: Tensor = self.scale(observations.reshape(len(observations), *self.shape))
        return scaled
