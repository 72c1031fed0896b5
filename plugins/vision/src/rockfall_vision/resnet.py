"""A residual network: each block adds to what it is given, and hands it on otherwise untouched.

He, Zhang, Ren and Sun 2016, "Identity mappings in deep residual networks",
https://arxiv.org/abs/1603.05027, figure 4e; for pictures of 32 × 32 as in section 4.2 of their
"Deep residual learning for image recognition", https://arxiv.org/abs/1512.03385:

    32 × 32 → conv 3 × 3 → n blocks of w channels → n of 2 w → n of 4 w → mean over places → classes

A block is twice (norm → relu → conv 3 × 3), and its input is added to what comes out. Where a
block halves the places and doubles the channels, its input goes, normalised, through a 1 × 1
convolution first. With n blocks a stage there are 6 n + 2 layers: at n = 3 and w = 16, ResNet-20
of 272,282 parameters on colour pictures of ten classes; at n = 1 and w = 32, the preset `cifar10`,
ResNet-8 of 308,266.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

import rockfall
from rockfall_vision.classifier import Classifier, ClassifierConfig
from rockfall_vision.inputs import Fit

SMALLEST, LARGEST = 16, 32
"""Pixels a side that the network sees; other pictures are fitted to it (`inputs.Fit`)."""

CIFAR10: dict[str, Any] = {"flip": True, "shift": 4, "batch_size": 128}  # the paper's


class ResnetConfig(ClassifierConfig):
    width: int = Field(16, ge=1, description="channels of the first stage, w; the paper's")
    blocks: int = Field(1, ge=1, description="blocks a stage, n; the paper's smallest net has 3")
    epochs: int = Field(8, ge=1, description="passes over the data; digits need no more")
    batch_size: int = Field(64, ge=1, description="pictures a step; digits are few")
    optimizer: Literal["adamw", "sgd", "muon"] = Field("sgd", description="the paper's")
    lr: float = Field(0.1, gt=0, description="highest step size; the paper's")
    weight_decay: float = Field(
        5e-4, ge=0, description="pull on kernels and matrices towards 0; small nets fit less"
    )
    warmup: float = Field(
        0.2, ge=0, lt=1, description="share of all steps in which lr rises from 0: one cycle"
    )


class Resnet(Classifier):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = ResnetConfig
    precision: ClassVar[str] = "bf16"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"width": 4, "epochs": 1, "batch_size": 256},
        "cifar10": {**CIFAR10, "width": 32, "epochs": 4},
        "full": {**CIFAR10, "blocks": 3, "epochs": 30},
    }

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        width = self.config.width
        layers: list[nn.Module] = [
            Fit(info.shape, SMALLEST, LARGEST),
            nn.Conv2d(info.shape[0], width, 3, padding=1, bias=False),
        ]
        channels = width
        for stage in range(3):
            filters = width * 2**stage
            for number in range(self.config.blocks):
                layers.append(Block(channels, filters, stride=2 if stage and not number else 1))
                channels = filters
        return nn.Sequential(
            *layers,
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels, len(info.classes)),
        )


class Block(nn.Module):
    """(N, C, H, W) → (N, filters, H / stride, W / stride)."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())
        self.shortcut = (
            None
            if (channels, stride) == (filters, 1)
            else nn.Conv2d(channels, filters, 1, stride, bias=False)
        )
        self.residual = nn.Sequential(
            nn.Conv2d(channels, filters, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
            nn.Conv2d(filters, filters, 3, padding=1, bias=False),
        )

    def forward(self, values: Tensor) -> Tensor:
        active = self.first(values)
        kept = values if self.shortcut is None else self.shortcut(active)
        added: Tensor = kept + self.residual(active)
        return added
