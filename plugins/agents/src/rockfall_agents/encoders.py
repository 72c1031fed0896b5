"""What comes first in a network: observations of any shape → features.

`mlp` takes an observation as one vector. `conv` takes a grid, and of an observation of several
parts those that are grids. On a grid of 16 × 16 cells a single cell may be an object, and its
position is all that matters: so there is no pooling, the 3 × 3 kernels overlap where they stride,
and the feature maps are flattened with their positions. `vin` plans in a grid whose things fall.
"""

from __future__ import annotations

from math import prod
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

import rockfall
from rockfall.kit.environments import Part, parts_of
from rockfall_agents.grids import Grids, is_grid
from rockfall_agents.planning import PlanningEncoder

Architecture = Literal["mlp", "conv", "vin"]

CHANNELS = 16
"""Channels of each convolution; a small grid holds few kinds of object."""

COARSEST_SIDE = 8
"""Cells a side down to which strides bring a grid; the first linear layer grows with its square."""


def encoder(
    architecture: Architecture, info: rockfall.SourceInfo
) -> ConvEncoder | FlatEncoder | PartsEncoder | PlanningEncoder:
    """observations (N, *shape), scaled by a `PixelScale` → (N, features)."""
    if architecture == "mlp":
        return FlatEncoder(info.shape)
    parts = parts_of(info)
    if len(parts) > 1:
        return PartsEncoder(architecture, parts)
    return grid_encoder(architecture, info.shape)


def grid_encoder(
    architecture: Architecture, shape: tuple[int, ...]
) -> ConvEncoder | PlanningEncoder:
    """Raises ValueError for a shape that is not a grid's."""
    if not is_grid(shape):
        raise ValueError(
            f"network={architecture} needs grids, (H, W) or (C, H, W), or frames of them, and "
            f"these observations have shape {shape}: use network=mlp"
        )
    return ConvEncoder(shape) if architecture == "conv" else PlanningEncoder(shape)


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

    Each grid among them goes through an encoder of its own, and the rest stays as it is.
    """

    def __init__(self, architecture: Architecture, parts: list[Part]) -> None:
        """Raises ValueError where no part is a grid."""
        super().__init__()
        self.shapes = [part.shape for part in parts]
        self.sizes = [prod(part.shape) for part in parts]
        grids = {
            i: grid_encoder(architecture, shape)
            for i, shape in enumerate(self.shapes)
            if is_grid(shape)
        }
        if not grids:
            shapes = ", ".join(f"{part.name} {part.shape}" for part in parts)
            raise ValueError(
                f"network={architecture} needs grids, (H, W) or (C, H, W), and the parts of "
                f"these observations are {shapes}: use network=mlp"
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
    """Grids (N, *shape) → (N, features)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.grids = Grids(shape)
        channels, sides = self.grids.channels, self.grids.sides
        layers: list[nn.Module] = []
        while not layers or max(sides) > COARSEST_SIDE:
            stride = 2 if max(sides) > COARSEST_SIDE else 1
            layers += [nn.Conv2d(channels, CHANNELS, 3, stride, padding=1), nn.ReLU()]
            channels, sides = CHANNELS, [-(-side // stride) for side in sides]
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.features = CHANNELS * prod(sides)

    def forward(self, grids: Tensor) -> Tensor:
        features: Tensor = self.layers(self.grids(grids))
        return features


def _pixel_scale(part: Part) -> float:
    pixels = np.issubdtype(np.dtype(part.dtype), np.integer)
    return 1 / part.high if pixels and part.high else 1.0
