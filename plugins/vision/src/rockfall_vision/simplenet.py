"""SimpleNet: thirteen convolutional layers in a row, without shortcuts or branches.

Hasanpour, Rouhani, Fayyaz and Sabokrou 2016, "Lets keep it simple, Using simple architectures to
outperform deeper and more complex architectures", https://arxiv.org/abs/1608.06037, figure 1;
widths as in the authors' repository, Coderx7/SimpleNet_Pytorch (`simplenet_cifar_5m`).

    64 · 128 128 128 | 128 128 256 | 256 256 | 512 2048* 256* | 256 → global max pool → classes

Every layer is a convolution 3 × 3 (* 1 × 1) with batch normalisation and ReLU; | is a max pool by 2
with dropout of whole feature maps. On grey pictures of ten classes `size=full` has 5,497,226
parameters. `size=small` has half of every width, as the authors' models at scale 0.5, and 1,378,506
parameters.

It differs from the authors' code: 1 × 1 convolutions are not padded; dropout is 0.1 after each
pooling, which the code leaves to the user; running averages of batch normalisation have PyTorch's
momentum of 0.1, not 0.05; weights are initialised as PyTorch does, not by Xavier's rule; and AdamW
with one cycle of the learning rate, averaged weights and label smoothing for ten epochs takes the
place of Adadelta for hundreds.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import nn

import rockfall
from rockfall_vision.augmentation import PHOTOGRAPHS
from rockfall_vision.classifier import Classifier, ClassifierConfig
from rockfall_vision.inputs import ResizeAndPad
from rockfall_vision.pooling import GlobalMaxPool2d

WIDTHS = (64, 128, 128, 128), (128, 128, 256), (256, 256), (512, 2048, 256), (256,)
"""Filters of each layer in the full size; pooling comes between the groups."""

WIDTH_DIVISORS = {"full": 1, "small": 2, "tiny": 16}
"""By which the widths of each size are divided."""

POINTWISE = 10, 11
"""Layers, counted from 0, whose kernel is 1 × 1."""


class SimplenetConfig(ClassifierConfig):
    size: Literal["full", "small", "tiny"] = Field(
        "small", description="width of the layers; small has half of full's: a quarter of the work"
    )
    dropout: float = Field(
        0.1, ge=0, lt=1, description="dropout probability of a feature map, after each pooling"
    )
    epochs: int = Field(10, ge=1, description="passes over the training split; digits are few")
    batch_size: int = Field(64, ge=1, description="mini-batch size; digits are few")
    lr: float = Field(
        3e-3, gt=0, description="peak learning rate of AdamW; batch normalisation bears a high one"
    )
    warmup: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="fraction of all steps in which the learning rate rises from 0; it is deep",
    )
    ema: float = Field(
        0.98,
        ge=0,
        lt=1,
        description="exponential decay rate of the averaged weights; over about 50 steps",
    )
    label_smoothing: float = Field(
        0.05, ge=0, lt=1, description="label smoothing ε; some labels are wrong"
    )
    shift: int = Field(
        1, ge=0, description="random translation in pixels each way; an eighth of a small digit"
    )


MNIST: dict[str, Any] = {
    "epochs": 10,  # as in the classic table; each takes minutes of a CPU
    "batch_size": 128,  # 422 steps an epoch are plenty
    "ema": 0.998,  # over about an epoch
    "shift": 2,  # digits are not centred alike
}


class Simplenet(Classifier):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = SimplenetConfig
    precision: ClassVar[str] = "bf16"  # twice the pictures a second
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST,
        "fashion-mnist": MNIST,
        "kmnist": MNIST,
        "photographs": {**PHOTOGRAPHS, "source.size": 64},
        "tiny": {"size": "tiny", "epochs": 1, "batch_size": 256},
    }

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        divisor = WIDTH_DIVISORS[self.config.size]
        layers: list[nn.Module] = [ResizeAndPad(info.shape, smallest=16, largest=64)]
        channels, number = info.shape[0], 0
        for group in WIDTHS:
            for width in group:
                filters = width // divisor
                layers += conv_bn_relu(channels, filters, 1 if number in POINTWISE else 3)
                channels, number = filters, number + 1
            if group is not WIDTHS[-1]:
                layers += [nn.MaxPool2d(2), nn.Dropout2d(self.config.dropout)]
        return nn.Sequential(
            *layers,
            GlobalMaxPool2d(),
            nn.Flatten(),
            nn.Linear(channels, len(info.classes)),
        )


def conv_bn_relu(channels: int, filters: int, kernel: int) -> list[nn.Module]:
    """(N, C, H, W) → (N, filters, H, W)."""
    return [
        nn.Conv2d(channels, filters, kernel, padding="same"),
        nn.BatchNorm2d(filters),
        nn.ReLU(),
    ]
