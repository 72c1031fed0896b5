"""The networks of the agents: observations of any shape → a few numbers each."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

import rockfall
from rockfall_agents.encoders import Architecture, PixelScale, encoder
from rockfall_agents.memory import Memory, Recurrent
from rockfall_agents.normalizing import Normalizer


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
        self.scale = PixelScale(info)
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
        scaled = self.scale(observations)
        if self.normalizer:
            scaled = self.normalizer(scaled)
        features: Tensor = self.hidden(self.eye(scaled))
        return features

    def observe(self, observations: Tensor) -> None:
        """Let the statistics of normalisation, if it has any, take in observations (N, *shape)."""
        if self.normalizer:
            self.normalizer.update(self.scale(observations))
