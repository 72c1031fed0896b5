"""SimpleNet has the thirteen layers of the paper, in both sizes."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import nn

from rockfall_vision.simplenet import Simplenet
from tests.vision.sources import info

FULL = [64, 128, 128, 128, 128, 128, 256, 256, 256, 512, 2048, 256, 256]
"""`simplenet_cifar_5m` of the authors' repository."""


def build(size: Literal["full", "small", "tiny"], side: int = 28) -> Simplenet:
    return Simplenet(Simplenet.Config(size=size), info((1, side, side)))


@pytest.mark.parametrize(("size", "divisor"), [("full", 1), ("small", 2), ("tiny", 16)])
def test_thirteen_layers(size: Literal["full", "small", "tiny"], divisor: int) -> None:
    network = build(size).network
    convolutions = [layer for layer in network if isinstance(layer, nn.Conv2d)]
    assert [conv.out_channels for conv in convolutions] == [width // divisor for width in FULL]
    kernels = [conv.kernel_size[0] for conv in convolutions]
    assert kernels == [3] * 10 + [1, 1] + [3]
    kinds = [layer for layer in network if isinstance(layer, nn.Conv2d | nn.MaxPool2d)]
    pools = [place for place, kind in enumerate(kinds) if isinstance(kind, nn.MaxPool2d)]
    assert pools == [4, 8, 11, 15]  # after 4, 7, 9 and 12 convolutions


@pytest.mark.parametrize(
    ("side", "sides"),
    [(8, [16, 8, 4, 2, 1]), (28, [28, 14, 7, 3, 1]), (32, [32, 16, 8, 4, 2, 1])],
)
def test_maps_shrink_by_half(side: int, sides: list[int]) -> None:
    model = build("tiny", side)
    layers = model.layers(torch.zeros(2, 1, side, side, dtype=torch.uint8))
    seen = [values.shape[2] for values in layers.values() if values.ndim == 4]
    assert list(dict.fromkeys(seen)) == sides
    assert layers.popitem()[1].shape == (2, 10)
