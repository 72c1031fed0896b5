"""VGG: blocks of 3 × 3 convolutions, each block at half the resolution of the one before.

Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
table 1 (VGG19: configuration E). It departs from the paper in average pooling, where VGG has max
pooling, as Gatys, Ecker and Bethge 2016 (section 2) found slightly more appealing pictures with it;
and it has no fully connected layers.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


def vgg19() -> dict[str, nn.Module]:
    """Its layers by name, in the order of torchvision's `features`."""
    return vgg((64, 128, 256, 512, 512), (2, 2, 4, 4, 4))


def vgg(widths: Sequence[int], depths: Sequence[int], channels: int = 3) -> dict[str, nn.Module]:
    """Blocks of the given channels (`widths`) and numbers of convolutions (`depths`), for an input
    of so many channels.
    """
    layers: dict[str, nn.Module] = {}
    for block, (width, depth) in enumerate(zip(widths, depths, strict=True), 1):
        for number in range(1, depth + 1):
            layers[f"conv{block}_{number}"] = nn.Conv2d(channels, width, 3, padding=1)
            layers[f"relu{block}_{number}"] = nn.ReLU(inplace=True)
            channels = width
        layers[f"pool{block}"] = nn.AvgPool2d(2)
    return layers
