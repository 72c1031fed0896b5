"""The networks that the models here are made of: fully-connected ones, and pairs of convolutional
ones, down from a picture to numbers and up again (Radford, Metz and Chintala 2016, section 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from torch import nn

SMALLEST = 4
"""Pixels a side at which pictures are halved no further."""
LARGEST = 8
"""Pixels a side that may be left when they can be halved no further."""
SLOPE = 0.2
"""Of leaky rectified units below 0, which let gradients through to what is judged."""
MOST_WEIGHTS = 200_000_000
"""With their gradients, Adam's averages and a moving average of their own they take 4 GB."""

Upsampling = Literal["transposed", "resize"]


def mlp(widths: Sequence[int], *, slope: float = 0.0, norm: bool = False) -> nn.Sequential:
    """(N, widths[0]) → (N, widths[-1]); between layers rectified units, leaky with `slope`, and
    batch normalisation if `norm`.
    """
    layers: list[nn.Module] = []
    *hidden, last = pairwise(widths)
    for before, after in hidden:
        layers.append(nn.Linear(before, after, bias=not norm))
        if norm:
            layers.append(nn.BatchNorm1d(after))
        layers.append(nn.LeakyReLU(slope, inplace=True) if slope else nn.ReLU(inplace=True))
    return nn.Sequential(*layers, nn.Linear(*last))


def conv_down(
    shape: Sequence[int], channels: int, outputs: int, *, slope: float = SLOPE, norm: bool = False
) -> nn.Sequential:
    """Pictures (N, C, H, W) → (N, outputs): strided convolutions, twice as many maps at half the
    size, and a linear layer.

    Raises ValueError as `halvings` does.
    """
    depth = halvings(shape)

    def layer(before: int, after: int, kernel: int, stride: int) -> list[nn.Module]:
        made: list[nn.Module] = [
            nn.Conv2d(before, after, kernel, stride, padding=1, bias=not norm),
            *([nn.BatchNorm2d(after)] if norm else []),
            nn.LeakyReLU(slope, inplace=True) if slope else nn.ReLU(inplace=True),
        ]
        return made

    layers = layer(shape[0], channels, 3, 1)
    for level in range(depth):
        layers += layer(channels << level, channels << (level + 1), 4, 2)
    least = math.prod(side >> depth for side in shape[1:])
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear((channels << depth) * least, outputs))


def conv_up(
    inputs: int, shape: Sequence[int], channels: int, *, upsampling: Upsampling = "transposed"
) -> nn.Sequential:
    """(N, inputs) → pictures (N, C, H, W): the way of `conv_down` back, with batch normalisation.

    upsampling: `transposed` convolutions, or pictures resized to twice their sides and then
    convolved, which leaves no checkerboards (Odena, Dumoulin and Olah 2016). Raises ValueError as
    `halvings` does.
    """
    depth = halvings(shape)
    height, width = (side >> depth for side in shape[1:])
    maps = channels << depth
    layers: list[nn.Module] = [
        nn.Linear(inputs, maps * height * width, bias=False),
        nn.Unflatten(1, (maps, height, width)),
        nn.BatchNorm2d(maps),
        nn.ReLU(inplace=True),
    ]
    for _ in range(depth):
        before, maps = maps, maps // 2
        if upsampling == "transposed":
            layers.append(nn.ConvTranspose2d(before, maps, 4, 2, padding=1, bias=False))
        else:
            layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
            layers.append(nn.Conv2d(before, maps, 3, padding=1, bias=False))
        layers += [nn.BatchNorm2d(maps), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(maps, shape[0], 3, padding=1))


def halvings(shape: Sequence[int]) -> int:
    """How often the sides of pictures (C, H, W) are halved, until they are odd or about 4.

    Raises ValueError for what are no pictures, and for sides that can't be halved to 8 or less.
    """
    if len(shape) != 3:
        raise ValueError(
            f"convolutions are for pictures (C, H, W), not for inputs of shape {tuple(shape)}: "
            "network=mlp takes them"
        )
    depth = 0
    sides = list(shape[1:])
    while max(sides) > SMALLEST and all(side % 2 == 0 for side in sides):
        sides = [side // 2 for side in sides]
        depth += 1
    if max(sides) > LARGEST:
        size = max(shape[1:])
        step = 1 << max(1, math.ceil(math.log2(size / LARGEST)))
        nearest = max(step, round(size / step) * step)
        raise ValueError(
            f"pictures of {shape[1]} × {shape[2]} can't be halved to {LARGEST} × {LARGEST} or "
            f"less: source.size={nearest} brings them to a size that can, and network=mlp makes any"
        )
    return depth


def check_weights(*networks: nn.Module) -> None:
    """Raise ValueError for more weights than fit a memory; networks on device `meta` take none."""
    weights = sum(p.numel() for network in networks for p in network.parameters())
    if weights > MOST_WEIGHTS:
        raise ValueError(
            f"{weights:,} weights are more than {MOST_WEIGHTS:,}: take fewer units, or smaller "
            "pictures by source.size"
        )
