"""A fully-connected network: pixels in, class probabilities out, back-propagation between.

Rumelhart, Hinton and Williams 1986, "Learning representations by back-propagating errors",
Nature 323; rectified units after Nair and Hinton 2010. On 8 × 8 digits, 64-128-10, it has 9,610
parameters; on 28 × 28 pictures, 784-128-10, 101,770.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import torch
from pydantic import Field, PositiveInt
from torch import nn

import rockfall
from rockfall_vision.classifier import Classifier, ClassifierConfig


class MlpConfig(ClassifierConfig):
    layers: tuple[PositiveInt, ...] = Field(
        (128,), description="hidden units a layer; 128 is enough for digits, and quick"
    )
    epochs: int = Field(40, ge=1, description="passes over the data; validation is flat by then")
    batch_size: int = Field(128, ge=1, description="pictures a step; a tenth of digits")
    lr: float = Field(1e-2, gt=0, le=1, description="Adam's first step size; falls to 0 (cosine)")


MNIST: dict[str, Any] = {
    "epochs": 20,  # 8,440 steps, where digits have 440
    "lr": 2e-3,
    "weight_decay": 0.1,  # 101,770 weights would learn the pictures by heart
}


class Mlp(Classifier):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = MlpConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST,
        "fashion-mnist": MNIST,
        "kmnist": MNIST,
        "tiny": {"layers": (16,), "epochs": 2},
    }
    threads: ClassVar[int] = 1  # the products are too small for a second thread to pay
    memory_format = torch.contiguous_format

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        widths = (torch.Size(info.shape).numel(), *self.config.layers)
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(widths[-1], len(info.classes)))
