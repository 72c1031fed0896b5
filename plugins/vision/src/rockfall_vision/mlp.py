"""A multilayer perceptron (MLP): fully connected layers of rectified units (ReLU).

Rumelhart, Hinton and Williams 1986, "Learning representations by back-propagating errors",
Nature 323. On 8 × 8 digits, 64-128-10, it has 9,610 parameters; on 28 × 28 pictures, 784-128-10,
101,770.

It differs from the paper: units are rectified (Nair and Hinton 2010), not logistic; the output is a
softmax under cross-entropy, not logistic units under squared error; AdamW with a cosine schedule
takes the place of gradient descent with momentum, and mini-batches that of the whole training set.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import torch
from pydantic import Field, PositiveInt
from torch import nn

import rockfall
from rockfall_vision.augmentation import PHOTOGRAPHS
from rockfall_vision.classifier import Classifier, ClassifierConfig


class MlpConfig(ClassifierConfig):
    layers: tuple[PositiveInt, ...] = Field(
        (128,), description="units in each hidden layer; 128 is enough for digits, and quick"
    )
    epochs: int = Field(
        40, ge=1, description="passes over the training split; validation is flat by then"
    )
    batch_size: int = Field(128, ge=1, description="mini-batch size; a tenth of digits")
    lr: float = Field(
        1e-2, gt=0, le=1, description="peak learning rate of AdamW; high, for few steps"
    )


MNIST: dict[str, Any] = {
    "epochs": 20,  # 8,440 steps, where digits have 440
    "lr": 2e-3,
    "weight_decay": 0.1,  # 101,770 weights would overfit
}


class Mlp(Classifier):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = MlpConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST,
        "fashion-mnist": MNIST,
        "kmnist": MNIST,
        "photographs": PHOTOGRAPHS,
        "tiny": {"layers": (16,), "epochs": 2},
    }
    memory_format = torch.contiguous_format

    @property
    def threads(self) -> int:
        """A second one gained 0 to 9 % on idle cores, by default and with 6,000 units (`wide`)."""
        return 1

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        widths = (torch.Size(info.shape).numel(), *self.config.layers)
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(widths[-1], len(info.classes)))
