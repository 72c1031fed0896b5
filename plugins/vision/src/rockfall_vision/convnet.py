"""A convolutional network that you write down: `layers="conv 16 5x5 / relu / maxpool 2 / …"`.

The stack of convolution, non-linearity and pooling goes back to Fukushima 1980, "Neocognitron", and
to LeCun et al. 1989, "Backpropagation applied to handwritten zip code recognition". `layers_text`
says what a text may hold.

The default has 6,090 parameters on 8 × 8 digits. Preset `mnist` is the two-convolution network of
Keras' example "Simple MNIST convnet" (Chollet 2015), of 34,826 parameters on 28 × 28.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

import rockfall
from rockfall_vision.classifier import Classifier, ClassifierConfig
from rockfall_vision.layers_text import build_layers


class ConvnetConfig(ClassifierConfig):
    layers: str = Field(
        "conv 16 3x3 same / relu / maxpool 2 / conv 32 3x3 same / relu / maxpool 2",
        description="conv, maxpool, relu, linear, …; padded, since digits of 8 × 8 are all edge",
    )
    epochs: int = Field(40, ge=1, description="passes over the data; digits are few")
    batch_size: int = Field(64, ge=1, description="pictures a step; enough steps on few digits")
    lr: float = Field(3e-3, gt=0, description="Adam's highest step size; few layers bear much")


# Pooled before rectified: the greatest stays the greatest, and a quarter is left to rectify.
MNIST: dict[str, Any] = {
    "layers": "conv 32 3x3 / maxpool 2 / relu / conv 64 3x3 / maxpool 2 / relu / dropout 0.5",
    "epochs": 12,  # as in the example
    "batch_size": 128,  # as in the example
    "shift": 1,  # people write anywhere, and a linear layer sees where
}
CIFAR: dict[str, Any] = {
    "layers": "conv 32 5x5 same / maxpool 2 / relu / conv 64 5x5 same / maxpool 2 / relu "
    "/ dropout 0.5",  # the last layer alone would learn the pictures by heart
    "epochs": 8,  # a few minutes of a CPU
    "batch_size": 128,
    "lr": 2e-3,
    "flip": True,  # things look as likely to the left
}


def deeper(count: int) -> str:
    """Two stages like those of CIFAR, of `count` convolutions 3 × 3 each instead of one 5 × 5."""
    stages = [f"conv {n} 3x3 same / batchnorm / relu / " * count + "maxpool 2" for n in (32, 64)]
    return " / ".join([*stages, "dropout 0.5"])


class Convnet(Classifier):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = ConvnetConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST,
        "fashion-mnist": MNIST,
        "kmnist": MNIST,
        "cifar10": CIFAR,
        "cifar100": CIFAR,
        "cifar10-4": {**CIFAR, "layers": deeper(2)},
        "cifar10-6": {**CIFAR, "layers": deeper(3)},
        "tiny": {
            "layers": "conv 4 3x3 / relu / maxpool 2",
            "epochs": 2,
            "batch_size": 256,
        },
    }

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        layers = build_layers(self.config.layers, info.shape, len(info.classes))
        self.maps = [layer.shape for layer in layers if len(layer.shape) == 3]
        return nn.Sequential(*(layer.module for layer in layers))

    @torch.no_grad()
    def filters(self) -> Tensor:
        """The first layer's weights as pictures (F, C, H, W), of the size that pooling left."""
        first = next(layer for layer in self.trained if isinstance(layer, nn.Conv2d | nn.Linear))
        seen = self.maps[-1] if self.maps else self.shape
        return first.weight if isinstance(first, nn.Conv2d) else first.weight.view(-1, *seen)
