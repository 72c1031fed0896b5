"""The networks of the agents: observations of any shape → a few numbers each.

`mlp` takes an observation as one vector. `conv` takes a grid, and of an observation of several
parts those that are grids. On a grid of 16 × 16 cells a single cell may be an object, and its
position is all that matters: so there is no pooling, the 3 × 3 kernels overlap where they stride,
and the feature maps are flattened with their positions.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

import rockfall
from rockfall.kit.environments import Part, parts_of
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


def encoder(
    architecture: Architecture, info: rockfall.SourceInfo
) -> ConvEncoder | FlatEncoder | PartsEncoder:
    """observations (N, *shape), scaled by a `PixelScale` → (N, features)."""
    if architecture == "mlp":
        return FlatEncoder(info.shape)
    parts = parts_of(info)
    return ConvEncoder(info.shape) if len(parts) == 1 else PartsEncoder(parts)


class PixelScale(nn.Module):
    """observations of any number type → as floats: integers are the brightness of pixels, and are
    brought to 0 … 1, in each part of an observation by its own bound.
    """

    def __init__(self, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.factor: float | Tensor
        parts = parts_of(info)
        if len(parts) == 1:
            self.factor = _pixel_scale(parts[0])
        else:  # follows from the description, and need not be in a checkpoint
            factors = [torch.full((prod(part.shape),), _pixel_scale(part)) for part in parts]
            self.register_buffer("factor", torch.cat(factors), persistent=False)

    def forward(self, observations: Tensor) -> Tensor:
        return observations.float() * self.factor


class FlatEncoder(nn.Flatten):
    """(N, *shape) → (N, features), one after the other."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.features = prod(shape)


class PartsEncoder(nn.Module):
    """(N, D), the parts of a Dict or Tuple one after the other → (N, features).

    Each grid among them goes through convolutions of its own, and the rest stays as it is.
    """

    def __init__(self, parts: list[Part]) -> None:
        """Raises ValueError where no part is a grid."""
        super().__init__()
        self.shapes = [part.shape for part in parts]
        self.sizes = [prod(part.shape) for part in parts]
        grids = {i: ConvEncoder(shape) for i, shape in enumerate(self.shapes) if _is_grid(shape)}
        if not grids:
            shapes = ", ".join(f"{part.name} {part.shape}" for part in parts)
            raise ValueError(
                f"network=conv needs grids, (H, W) or (C, H, W), and the parts of these "
                f"observations are {shapes}: use network=mlp"
            )
        self.grids = nn.ModuleDict({str(index): grid for index, grid in grids.items()})
        sizes = enumerate(self.sizes)
        self.features = sum(grids[i].features if i in grids else size for i, size in sizes)

    def forward(self, observations: Tensor) -> Tensor:
        features = list(observations.split(self.sizes, 1))
        for name, encoder in self.grids.items():
            index = int(name)
            features[index] = encoder(features[index].unflatten(1, self.shapes[index]))
        return torch.cat(features, 1)


class ConvEncoder(nn.Module):
    """(N, H, W), (N, C, H, W), (N, H, W, C), or frames of these, (N, F, …) → (N, features).

    Of three axes, the shorter of the first and the last is taken for the channels. The channels of
    stacked frames lie one after the other.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Raises ValueError for a shape that is not a grid's."""
        super().__init__()
        if not _is_grid(shape):
            raise ValueError(
                f"network=conv needs grids, (H, W) or (C, H, W), or frames of them, and these "
                f"observations have shape {shape}: use network=mlp"
            )
        self.stacked = len(shape) == 4
        self.frames, shape = (shape[0], shape[1:]) if self.stacked else (1, shape)
        self.without_channels = len(shape) == 2
        self.channels_last = len(shape) == 3 and shape[2] < shape[0]
        channels, *sides = (1, *shape) if self.without_channels else shape
        if self.channels_last:
            channels, *sides = shape[2], *shape[:2]
        channels *= self.frames
        layers: list[nn.Module] = []
        while not layers or max(sides) > COARSEST_SIDE:
            stride = 2 if max(sides) > COARSEST_SIDE else 1
            layers += [nn.Conv2d(channels, CHANNELS, 3, stride, padding=1), nn.ReLU()]
            channels, sides = CHANNELS, [-(-side // stride) for side in sides]
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.features = CHANNELS * prod(sides)

    def forward(self, grids: Tensor) -> Tensor:
        if self.stacked:
            grids = grids.flatten(0, 1)
        if self.without_channels:
            grids = grids.unsqueeze(1)
        elif self.channels_last:
            grids = grids.movedim(-1, 1)
        if self.stacked:
            grids = grids.unflatten(0, (-1, self.frames)).flatten(1, 2)
        features: Tensor = self.layers(grids)
        return features


def _is_grid(shape: tuple[int, ...]) -> bool:
    return len(shape) in (2, 3, 4)


def _pixel_scale(part: Part) -> float:
    pixels = np.issubdtype(np.dtype(part.dtype), np.integer)
    return 1 / part.high if pixels and part.high else 1.0
