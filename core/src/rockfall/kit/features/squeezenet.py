"""SqueezeNet 1.1: a convolutional network with AlexNet's accuracy and a fiftieth of its weights.

Iandola et al. 2016, "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model
size", section 3 and table 1; version 1.1 is the authors' own, with fewer channels in the first
layer and earlier pooling. Here it has no classifier.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Fire(nn.Module):
    """(N, C, H, W) → (N, 2 · `expand`, H, W): the fire module.

    A 1 × 1 convolution squeezes the input to few channels, which 1 × 1 and 3 × 3 filters expand.
    """

    def __init__(self, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, inputs: Tensor) -> Tensor:
        squeezed = self.squeeze(inputs).relu_()
        return torch.cat((self.expand1x1(squeezed), self.expand3x3(squeezed)), 1).relu_()


def squeezenet() -> dict[str, nn.Module]:
    """Its layers by name, in the order of torchvision's `features`."""
    return {
        "conv": nn.Conv2d(3, 64, 3, stride=2),
        "conv1": nn.ReLU(inplace=True),
        "pool1": _pool(),
        "fire2": Fire(64, 16, 64),
        "fire3": Fire(128, 16, 64),
        "pool3": _pool(),
        "fire4": Fire(128, 32, 128),
        "fire5": Fire(256, 32, 128),
        "pool5": _pool(),
        "fire6": Fire(256, 48, 192),
        "fire7": Fire(384, 48, 192),
        "fire8": Fire(384, 64, 256),
        "fire9": Fire(512, 64, 256),
    }


def _pool() -> nn.Module:
    return nn.MaxPool2d(3, 2, ceil_mode=True)
