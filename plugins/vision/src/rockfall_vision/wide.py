"""One very wide hidden layer: 6,000 rectified units on the pixels, and nothing else.

That one hidden layer suffices in principle is Cybenko 1989, "Approximation by superpositions of a
sigmoidal function"; rectified units after Nair and Hinton 2010, dropout after Srivastava et al.
2014. On 28 × 28 pictures of ten classes it has 4,770,010 parameters; on 8 × 8 digits, 450,010.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import nn

import rockfall
from rockfall_vision.classifier import Classifier, ClassifierConfig


class WideConfig(ClassifierConfig):
    units: int = Field(6000, ge=1, description="in the hidden layer; the classic figure")
    hide: float = Field(
        0.2, ge=0, lt=1, description="share of pixels left out: too few are left to learn by heart"
    )
    dropout: float = Field(
        0.5, ge=0, lt=1, description="share of hidden units left out, as in the dropout paper"
    )
    epochs: int = Field(30, ge=1, description="passes over the data, as in the classic table")
    lr: float = Field(1e-3, gt=0, description="Adam's published default")


MNIST: dict[str, Any] = {
    "batch_size": 256,  # fewer updates of so many weights
    "shift": 1,  # people write anywhere, and a unit sees where
    "hide": 0.1,  # what is shifted is harder to learn by heart
}


class Wide(Classifier):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = WideConfig
    precision: ClassVar[str] = "bf16"  # two large products are all there is to do
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST,
        "fashion-mnist": MNIST,
        "kmnist": MNIST,
        "tiny": {"units": 64, "epochs": 2},
    }
    memory_format = torch.contiguous_format

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        config = self.config
        return nn.Sequential(
            nn.Flatten(),
            nn.Dropout(config.hide),
            nn.Linear(torch.Size(info.shape).numel(), config.units),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.units, len(info.classes)),
        )
