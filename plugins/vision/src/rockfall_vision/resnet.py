"""ResNet with pre-activation: each block adds a residual to its input.

He, Zhang, Ren and Sun 2016, "Identity mappings in deep residual networks",
https://arxiv.org/abs/1603.05027, figure 4e; for pictures of 32 × 32 as in section 4.2 of their
"Deep residual learning for image recognition", https://arxiv.org/abs/1512.03385:

    32 × 32 → conv 3 × 3 → n blocks of w channels → n of 2 w → n of 4 w → average pool → classes

A block is twice (batch norm → ReLU → conv 3 × 3), and its input is added to the output. Where a
block halves height and width and doubles the channels, the shortcut is a 1 × 1 convolution of the
input after batch norm and ReLU. With n blocks a stage there are 6 n + 2 layers: at n = 3 and
w = 16, ResNet-20 of 272,282 parameters on colour pictures of ten classes; at n = 1 and w = 32, the
preset `cifar10`, ResNet-8 of 308,266.

It differs from the papers: shortcuts between stages are projections (option B of the first paper),
whose networks for CIFAR-10 pad with zero channels (option A); the first block's shortcut is not
activated; weights are initialised as PyTorch does, not as He et al. 2015; SGD has Nesterov
momentum, one cycle of the learning rate for steps of a tenth, weight decay 5e-4 for 1e-4, and none
on biases and norms; pictures are mirrored in every other epoch, not at random; and there are many
fewer epochs than their 160 or so.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

import rockfall
from rockfall_vision.augmentation import PHOTOGRAPHS
from rockfall_vision.classifier import Classifier, ClassifierConfig
from rockfall_vision.inputs import ResizeAndPad

SMALLEST, LARGEST = 16, 32
"""Height and width of the network's input; others are brought to it (`inputs.ResizeAndPad`)."""

CIFAR10: dict[str, Any] = {"flip": True, "shift": 4, "batch_size": 128}  # the paper's


class ResnetConfig(ClassifierConfig):
    width: int = Field(16, ge=1, description="channels w of the first stage; the paper's")
    blocks: int = Field(
        1, ge=1, description="residual blocks n in each stage; the paper's smallest network has 3"
    )
    epochs: int = Field(8, ge=1, description="passes over the training split; digits need no more")
    batch_size: int = Field(64, ge=1, description="mini-batch size; digits are few")
    optimizer: Literal["adamw", "sgd", "muon"] = Field(
        "sgd", description="optimizer; SGD with momentum is the paper's"
    )
    lr: float = Field(0.1, gt=0, description="peak learning rate of SGD; the paper's")
    weight_decay: float = Field(
        5e-4, ge=0, description="weight decay coefficient of kernels; usual for CIFAR-10"
    )
    warmup: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="fraction of all steps in which the learning rate rises from 0; one cycle",
    )


class Resnet(Classifier):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = ResnetConfig
    precision: ClassVar[str] = "bf16"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "photographs": {**PHOTOGRAPHS, "source.size": 64},
        "tiny": {"width": 4, "epochs": 1, "batch_size": 256},
        "cifar10": {**CIFAR10, "width": 32, "epochs": 4},
        "full": {**CIFAR10, "blocks": 3, "epochs": 30},
    }

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        width = self.config.width
        layers: list[nn.Module] = [
            ResizeAndPad(info.shape, SMALLEST, LARGEST),
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
    """Pre-activation residual block: (N, C, H, W) → (N, filters, H / stride, W / stride)."""

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
        shortcut = values if self.shortcut is None else self.shortcut(active)
        output: Tensor = shortcut + self.residual(active)
        return output
