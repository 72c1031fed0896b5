"""Networks that the models share: fully connected ones, and convolutional ones from a picture down
to numbers and from numbers up to a picture (Radford, Metz and Chintala 2016, "DCGAN", section 3).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from rockfall import Run

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
BF16_MULTIPLICATIONS = 15_000_000
"""Multiplications of both networks for a mini-batch from which on bf16 is faster, conversions
included: on an AMD EPYC 0.85 and 0.94 times with 6 and 10 million, 1.08 with 18 and 1.33 with 45.
"""

Upsampling = Literal["transposed", "resize"]


class Network(nn.Sequential):
    """Layers (N, …) → (N, …) float32; inside `mixed_precision` they compute at the run's precision.

    Convolutions and their inputs are channels-last, which is faster on the CPU and on CUDA.
    """

    precision: Callable[[], AbstractContextManager[object]] = nullcontext

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._normalised = [each for each in self.modules() if parametrize.is_parametrized(each)]

    def forward(self, inputs: Tensor) -> Tensor:
        if inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        with parametrize.cached():
            for layer in self._normalised:
                _ = layer.weight  # now, so that spectral norms are computed in float32
            with self.precision():
                outputs: Tensor = super().forward(inputs)  # type: ignore[no-untyped-call]
        return outputs if outputs.dtype == torch.float64 else outputs.float()


@contextmanager
def mixed_precision(
    run: Run, networks: Sequence[nn.Module], multiplications: int
) -> Iterator[None]:
    """Inside, each `Network` among these computes at the run's precision, if so many
    multiplications make it faster.
    """
    changed = [each for each in networks if isinstance(each, Network)]
    for network in changed if multiplications >= BF16_MULTIPLICATIONS else ():
        network.precision = run.autocast
    try:
        yield
    finally:
        for network in changed:
            network.precision = nullcontext


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


def can_convolve(shape: Sequence[int]) -> bool:
    """Whether `conv_down` and `conv_up` are for examples of this shape."""
    try:
        return bool(halvings(shape))
    except ValueError:
        return False


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
