"""A wide MLP: one hidden layer of 6,000 rectified units (ReLU) on the pixels, with dropout.

That one hidden layer suffices in principle is Cybenko 1989, "Approximation by superpositions of a
sigmoidal function"; rectified units are those of Nair and Hinton 2010, dropout that of Srivastava
et al. 2014, "Dropout: A simple way to prevent neural networks from overfitting". On 28 × 28
pictures of ten classes it has 4,770,010 parameters; on 8 × 8 digits, 450,010.

It differs from the dropout paper, whose MNIST networks have two hidden layers or more and learn by
SGD with momentum under a max-norm constraint: here is one layer, AdamW and weight decay.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import nn

import rockfall
from rockfall_vision.augmentation import PHOTOGRAPHS
from rockfall_vision.classifier import Classifier, ClassifierConfig


class WideConfig(ClassifierConfig):
    units: int = Field(6000, ge=1, description="units in the hidden layer; the classic figure")
    input_dropout: float = Field(
        0.2, ge=0, lt=1, description="dropout probability of a pixel, as in the dropout paper"
    )
    dropout: float = Field(
        0.5, ge=0, lt=1, description="dropout probability of a hidden unit, as in the dropout paper"
    )
    epochs: int = Field(
        30, ge=1, description="passes over the training split, as in the classic table"
    )
    lr: float = Field(1e-3, gt=0, description="peak learning rate of AdamW; its published default")


MNIST: dict[str, Any] = {
    "batch_size": 256,  # fewer updates of so many weights
    "shift": 1,  # digits are not centred alike, and a fully connected layer is not shift-invariant
    "input_dropout": 0.1,  # translation regularises too
}


class Wide(Classifier):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = WideConfig
    precision: ClassVar[str] = "bf16"  # two large matrix products are nearly all the work
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST,
        "fashion-mnist": MNIST,
        "kmnist": MNIST,
        "photographs": PHOTOGRAPHS,
        "tiny": {"units": 64, "epochs": 2},
    }
    memory_format = torch.contiguous_format

    @property
    def threads(self) -> int:
        """A second one gained 7 % on MNIST on idle cores: most of a step is to read the weights."""
        return 1

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        config = self.config
        return nn.Sequential(
            nn.Flatten(),
            nn.Dropout(config.input_dropout),
            nn.Linear(torch.Size(info.shape).numel(), config.units),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.units, len(info.classes)),
        )
