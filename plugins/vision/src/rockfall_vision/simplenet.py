"""SimpleNet: thirteen plain layers, no shortcuts and no branches.

Hasanpour, Rouhani, Fayyaz and Sabokrou 2016, "Lets keep it simple, Using simple architectures to
outperform deeper and more complex architectures", https://arxiv.org/abs/1608.06037, figure 1;
widths as in the authors' repository, Coderx7/SimpleNet_Pytorch (`simplenet_cifar_5m`).

    64 · 128 128 128 | 128 128 256 | 256 256 | 512 2048* 256* | 256 → largest of each map → classes

Every layer is a convolution 3 × 3 (* 1 × 1) with batch normalisation and rectified units; | pools
by 2. On grey pictures of ten classes `size=full` has 5,497,226 parameters. `size=small` has half
of every width, as the authors' models at scale 0.5, and 1,378,506 parameters.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import nn

import rockfall
from rockfall_vision.classifier import Classifier, ClassifierConfig
from rockfall_vision.inputs import Fit

WIDTHS = (64, 128, 128, 128), (128, 128, 256), (256, 256), (512, 2048, 256), (256,)
"""Filters of each layer in the full size; pooling comes between the groups."""

SHARES = {"full": 1, "small": 2, "tiny": 16}
"""What the widths of each size are divided by."""

POINTWISE = 10, 11
"""Layers whose field is 1 × 1: what they see has been pooled to few places already."""


class SimplenetConfig(ClassifierConfig):
    size: Literal["full", "small", "tiny"] = Field(
        "small", description="small has half of every width: a quarter of the work; tiny, a 16th"
    )
    dropout: float = Field(
        0.1, ge=0, lt=1, description="share of maps left out after each group of layers"
    )
    epochs: int = Field(10, ge=1, description="passes over the data; digits are few")
    batch_size: int = Field(64, ge=1, description="pictures a step; digits are few")
    lr: float = Field(3e-3, gt=0, description="highest step size; batch norm bears much")
    warmup: float = Field(
        0.2, ge=0, lt=1, description="share of all steps in which lr rises; it is deep"
    )
    ema: float = Field(0.98, ge=0, lt=1, description="weights averaged over about 50 steps")
    label_smoothing: float = Field(
        0.05, ge=0, lt=1, description="share of each label spread over all: some are wrong"
    )
    shift: int = Field(1, ge=0, description="pixels each way; an eighth of a small digit")


MNIST: dict[str, Any] = {
    "epochs": 10,  # as in the classic table; each takes minutes of a CPU
    "batch_size": 128,  # 422 steps an epoch are plenty
    "ema": 0.998,  # over about an epoch
    "shift": 2,  # people write anywhere
}


class Simplenet(Classifier):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = SimplenetConfig
    precision: ClassVar[str] = "bf16"  # twice the pictures a second
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST,
        "fashion-mnist": MNIST,
        "kmnist": MNIST,
        "tiny": {"size": "tiny", "epochs": 1, "batch_size": 256},
    }

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        share = SHARES[self.config.size]
        layers: list[nn.Module] = [Fit(info.shape, smallest=16, largest=64)]
        channels, number = info.shape[0], 0
        for group in WIDTHS:
            for width in group:
                filters = width // share
                layers += convolution(channels, filters, 1 if number in POINTWISE else 3)
                channels, number = filters, number + 1
            if group is not WIDTHS[-1]:
                layers += [nn.MaxPool2d(2), nn.Dropout2d(self.config.dropout)]
        return nn.Sequential(
            *layers,
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
            nn.Linear(channels, len(info.classes)),
        )


def convolution(channels: int, filters: int, field: int) -> list[nn.Module]:
    """A map keeps its size; normalised and rectified."""
    return [
        nn.Conv2d(channels, filters, field, padding="same"),
        nn.BatchNorm2d(filters),
        nn.ReLU(),
    ]
