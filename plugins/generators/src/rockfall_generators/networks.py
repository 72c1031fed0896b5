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
FEWEST = 2
"""Times that they are halved none the less, if they can be."""
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
    shape: Sequence[int], channels: int, outputs: int, *, slope: float = SLOPE
) -> nn.Sequential:
    """Pictures (N, C, H, W) → (N, outputs): strided convolutions, `channels` maps at half the size
    and twice as many at each half of it, and a linear layer.

    Raises ValueError as `halvings` does.
    """
    depth = halvings(shape)
    widths = (shape[0], *(channels << level for level in range(depth)))
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers.append(nn.Conv2d(before, after, 4, 2, padding=1))
        layers.append(nn.LeakyReLU(slope, inplace=True) if slope else nn.ReLU(inplace=True))
    least = math.prod(side >> depth for side in shape[1:])
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * least, outputs))


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
    widths = (*(channels << level for level in reversed(range(depth))), shape[0])
    layers: list[nn.Module] = [
        nn.Linear(inputs, widths[0] * height * width, bias=False),
        nn.Unflatten(1, (widths[0], height, width)),
    ]
    for before, after in pairwise(widths):
        layers += [nn.BatchNorm2d(before), nn.ReLU(inplace=True)]
        if upsampling == "transposed":
            layers.append(nn.ConvTranspose2d(before, after, 4, 2, padding=1))
        else:
            layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
            layers.append(nn.Conv2d(before, after, 3, padding=1))
    return nn.Sequential(*layers)


def halvings(shape: Sequence[int]) -> int:
    """How often the sides of pictures (C, H, W) are halved: until they are odd, or else twice at
    least and to 4 or less.

    Raises ValueError for what are no pictures, and for sides that can't be halved, to 8 or less.
    """
    if len(shape) != 3:
        raise ValueError(
            f"convolutions are for pictures (C, H, W), not for inputs of shape {tuple(shape)}: "
            "network=mlp takes them"
        )
    depth = 0
    sides = list(shape[1:])
    while all(side % 2 == 0 for side in sides) and (max(sides) > SMALLEST or depth < FEWEST):
        sides = [side // 2 for side in sides]
        depth += 1
    if not depth or max(sides) > LARGEST:
        size = max(shape[1:])
        step = 1 << max(1, math.ceil(math.log2(size / LARGEST)))
        nearest = max(step, round(size / step) * step)
        raise ValueError(
            f"convolutions double pictures of {LARGEST} × {LARGEST} or less, which never gives "
            f"{shape[1]} × {shape[2]}: source.size={nearest} brings them to a size that they can "
            "make, and network=mlp makes any"
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
