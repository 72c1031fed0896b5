"""LeNet-5, and what thirty years of practice make of it.

LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86 (11), section II and figure 2:

    32 × 32 → conv 6 5 × 5 → pool 2 → conv 16 5 × 5 → pool 2 → 120 → 84 → classes

`lenet5` has 61,706 parameters on grey pictures of ten classes. It differs from the paper in what
everyone leaves out since: the second convolution sees all six maps, not a table's selection;
pooling takes the largest value; units are rectified; the output is a softmax.

`lenet5-plus` keeps the skeleton and has 175,066 parameters: more maps, batch normalisation (Ioffe
and Szegedy 2015) before each rectification, dropout (Srivastava et al. 2014) before the output;
it learns from shifted pictures, and the average of its weights is what classifies.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from torch import nn

import rockfall
from rockfall_vision.classifier import Classifier, ClassifierConfig
from rockfall_vision.inputs import Fit

SIDE = 32
"""Pixels a side that the network sees; other pictures are fitted to it (`inputs.Fit`)."""


class Lenet5Config(ClassifierConfig):
    epochs: int = Field(20, ge=1, description="passes over the data, as the paper's")
    batch_size: int = Field(32, ge=1, description="pictures a step; digits are few")
    lr: float = Field(5e-3, gt=0, description="Adam's highest step size; few digits, few steps")
    label_smoothing: float = Field(
        0.1, ge=0, lt=1, description="share of each label spread over all; digits are few"
    )


MNIST: dict[str, Any] = {
    "batch_size": 128,  # 422 steps an epoch are plenty
    "lr": 3e-3,
    "label_smoothing": 0.0,  # so many pictures can't be learned by heart
    "shift": 2,  # people write anywhere; the paper distorted its pictures too (section III.C)
}


class Lenet5(Classifier):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = Lenet5Config
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST,
        "fashion-mnist": MNIST,
        "kmnist": MNIST,
        "tiny": {"epochs": 1, "batch_size": 256},
    }

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        return nn.Sequential(
            Fit(info.shape, SIDE),
            nn.Conv2d(info.shape[0], 6, 5),
            nn.MaxPool2d(2),  # before rectified: the same maps, for less work
            nn.ReLU(),
            nn.Conv2d(6, 16, 5),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * 5 * 5, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, len(info.classes)),
        )


class Lenet5PlusConfig(ClassifierConfig):
    epochs: int = Field(20, ge=1, description="passes over the data, as the paper's")
    batch_size: int = Field(64, ge=1, description="pictures a step; digits are few")
    lr: float = Field(3e-3, gt=0, description="highest step size; batch norm bears more")
    warmup: float = Field(
        0.2, ge=0, lt=1, description="share of all steps in which lr rises: one cycle"
    )
    ema: float = Field(0.98, ge=0, lt=1, description="weights averaged over about 50 steps")
    label_smoothing: float = Field(
        0.05, ge=0, lt=1, description="share of each label spread over all: some are wrong"
    )
    shift: int = Field(1, ge=0, description="pixels each way; an eighth of a small digit")


MNIST_PLUS: dict[str, Any] = {
    "batch_size": 128,  # 422 steps an epoch are plenty
    "ema": 0.998,  # over about an epoch
    "shift": 2,  # people write anywhere
}


class Lenet5Plus(Classifier):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = Lenet5PlusConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST_PLUS,
        "fashion-mnist": MNIST_PLUS,
        "kmnist": MNIST_PLUS,
        "tiny": {"epochs": 1, "batch_size": 256},
    }

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        return nn.Sequential(
            Fit(info.shape, SIDE),
            *convolution(info.shape[0], 16),
            *convolution(16, 48),
            nn.Flatten(),
            nn.Linear(48 * 5 * 5, 120, bias=False),
            nn.BatchNorm1d(120),
            nn.ReLU(),
            nn.Linear(120, 84, bias=False),
            nn.BatchNorm1d(84),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(84, len(info.classes)),
        )


def convolution(channels: int, filters: int) -> list[nn.Module]:
    """5 × 5, normalised, rectified and pooled by 2."""
    return [
        nn.Conv2d(channels, filters, 5, bias=False),  # batch norm shifts
        nn.BatchNorm2d(filters),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ]
