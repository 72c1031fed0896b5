"""Networks that the models share: fully connected ones, and convolutional ones from a picture down
to numbers and from numbers up to a picture (Radford, Metz and Chintala 2016, "DCGAN", section 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from torch import nn

MIN_SIDE = 4
"""Pixels a side at which pictures are halved no further."""
MIN_HALVINGS = 2
"""Halvings that are made all the same, where sides are even."""
MAX_SMALLEST_SIDE = 8
"""Pixels a side that may be left where sides can be halved no further."""
NEGATIVE_SLOPE = 0.2
"""Slope of leaky ReLU below 0, which lets gradients through the discriminator to the generator."""
MAX_PARAMETERS = 200_000_000
"""With gradients, Adam's two moments and a moving average they take 4 GB."""

Upsampling = Literal["transposed", "resize"]


def mlp(widths: Sequence[int], *, negative_slope: float = 0.0, norm: bool = False) -> nn.Sequential:
    """A multilayer perceptron (N, widths[0]) → (N, widths[-1]) with ReLU, or leaky ReLU of
    `negative_slope`, after each hidden layer, and batch normalisation before it if `norm`.
    """
    layers: list[nn.Module] = []
    *hidden, last = pairwise(widths)
    for before, after in hidden:
        layers.append(nn.Linear(before, after, bias=not norm))
        if norm:
            layers.append(nn.BatchNorm1d(after))
        layers.append(relu(negative_slope))
    return nn.Sequential(*layers, nn.Linear(*last))


def conv_down(
    shape: Sequence[int], channels: int, outputs: int, *, negative_slope: float = NEGATIVE_SLOPE
) -> nn.Sequential:
    """Pictures (N, C, H, W) → (N, outputs): strided convolutions with leaky ReLU, `channels` maps
    at half the size and twice as many at each further halving, and a linear layer.

    Raises ValueError as `halvings` does.
    """
    depth = halvings(shape)
    widths = (shape[0], *(channels << level for level in range(depth)))
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers.append(nn.Conv2d(before, after, 4, 2, padding=1))
        layers.append(relu(negative_slope))
    positions = math.prod(side >> depth for side in shape[1:])
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * positions, outputs))


def conv_up(
    inputs: int, shape: Sequence[int], channels: int, *, upsampling: Upsampling = "transposed"
) -> nn.Sequential:
    """(N, inputs) → pictures (N, C, H, W): `conv_down` mirrored, with batch normalisation and ReLU.

    upsampling: `transposed` convolutions, or nearest-neighbour resizing to twice the sides and a
    convolution, which leaves no checkerboards (Odena, Dumoulin and Olah 2016, "Deconvolution and
    Checkerboard Artifacts"). Raises ValueError as `halvings` does.
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
    """How often the sides of pictures (C, H, W) are halved: as long as they are even, until they
    have been halved twice and are 4 or less.

    Raises ValueError for what are no pictures, and for sides that can't be halved down to 8.
    """
    if len(shape) != 3:
        raise ValueError(
            f"convolutions are for pictures (C, H, W), not for inputs of shape {tuple(shape)}: "
            "network=mlp takes them"
        )
    depth = 0
    sides = list(shape[1:])
    while all(side % 2 == 0 for side in sides) and (max(sides) > MIN_SIDE or depth < MIN_HALVINGS):
        sides = [side // 2 for side in sides]
        depth += 1
    if not depth or max(sides) > MAX_SMALLEST_SIDE:
        size = max(shape[1:])
        step = 1 << max(1, math.ceil(math.log2(size / MAX_SMALLEST_SIDE)))
        nearest = max(step, round(size / step) * step)
        raise ValueError(
            f"convolutions double pictures of {MAX_SMALLEST_SIDE} × {MAX_SMALLEST_SIDE} or less, "
            f"which never gives {shape[1]} × {shape[2]}: source.size={nearest} brings them to a "
            "size that they can generate, and network=mlp generates any"
        )
    return depth


def relu(negative_slope: float) -> nn.Module:
    """ReLU, leaky if there is a slope below 0."""
    return nn.LeakyReLU(negative_slope, inplace=True) if negative_slope else nn.ReLU(inplace=True)


def check_parameter_count(*networks: nn.Module) -> None:
    """Raise ValueError for more parameters than fit into memory; a network may be on `meta`."""
    count = sum(p.numel() for network in networks for p in network.parameters())
    if count > MAX_PARAMETERS:
        raise ValueError(
            f"{count:,} weights are more than {MAX_PARAMETERS:,}: take fewer units, or smaller "
            "pictures by source.size"
        )
