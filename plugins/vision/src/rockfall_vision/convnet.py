"""A convolutional network (CNN) from a text: `layers="conv 16 5x5 / relu / maxpool 2 / …"`.

Stacks of convolution, non-linearity and pooling go back to Fukushima 1980, "Neocognitron", and to
LeCun et al. 1989, "Backpropagation applied to handwritten zip code recognition". The grammar of the
text is that of `rockfall.kit.layers`.

The default has 6,090 parameters on 8 × 8 digits. Preset `mnist` is the two-convolution network of
Keras' example "Simple MNIST convnet" (Chollet 2015), of 34,826 parameters on 28 × 28. It differs
from the example: pooling comes before ReLU, which gives the same maps; pixels are standardised, not
divided by 255; AdamW has weight decay and a cosine schedule, where the example has plain Adam;
there are 12 epochs, not 15; and pictures are shifted by up to a pixel.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

import rockfall
from rockfall.kit.layers import LayerText, build_layers
from rockfall_vision.augmentation import PHOTOGRAPHS
from rockfall_vision.classifier import Classifier, ClassifierConfig


class ConvnetConfig(ClassifierConfig):
    layers: LayerText = Field(
        "conv 16 3x3 same / relu / maxpool 2 / conv 32 3x3 same / relu / maxpool 2",
        description="layers from input to output; padded, since digits of 8 × 8 are mostly border",
    )
    epochs: int = Field(40, ge=1, description="passes over the training split; digits are few")
    batch_size: int = Field(64, ge=1, description="mini-batch size; small, for steps on few digits")
    lr: float = Field(
        3e-3, gt=0, description="peak learning rate of AdamW; a shallow network bears a high one"
    )


# Max-pooling before ReLU gives the same maps as after it, and leaves a quarter of them to rectify.
MNIST: dict[str, Any] = {
    "layers": "conv 32 3x3 / maxpool 2 / relu / conv 64 3x3 / maxpool 2 / relu / dropout 0.5",
    "epochs": 12,  # the example has 15
    "batch_size": 128,  # as in the example
    "shift": 1,  # digits are not centred alike, and a linear layer is not shift-invariant
}
CIFAR: dict[str, Any] = {
    "layers": "conv 32 5x5 same / maxpool 2 / relu / conv 64 5x5 same / maxpool 2 / relu "
    "/ dropout 0.5",  # the output layer alone could overfit
    "epochs": 8,  # a few minutes of a CPU
    "batch_size": 128,
    "lr": 2e-3,
    "flip": True,  # a mirrored photograph is of the same class
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
        "photographs": {**PHOTOGRAPHS, "source.size": 64},
        "tiny": {
            "layers": "conv 4 3x3 / relu / maxpool 2",
            "epochs": 2,
            "batch_size": 256,
        },
    }

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        layers = build_layers(self.config.layers, info.shape, len(info.classes))
        self.map_shapes = [layer.shape for layer in layers if len(layer.shape) == 3]
        return nn.Sequential(*(layer.module for layer in layers))

    @torch.no_grad()
    def filters(self) -> Tensor:
        """The first layer's weights as pictures (F, C, H, W), of the size that pooling left."""
        first = next(m for m in self.inference_network if isinstance(m, nn.Conv2d | nn.Linear))
        shape = self.map_shapes[-1] if self.map_shapes else self.shape
        return first.weight if isinstance(first, nn.Conv2d) else first.weight.view(-1, *shape)
