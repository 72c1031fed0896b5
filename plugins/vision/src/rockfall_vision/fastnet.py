"""A network built to learn photographs of 32 × 32 in as little computing as can be.

After Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
https://arxiv.org/abs/2404.00498, and its later version with Muon. What makes it quick:

- the filters of the first layer are not learned: they are the principal directions of the 2 × 2
  patches of the training pictures, scaled so that what comes out is white, and the same negated;
- every other convolution begins as the identity on as many channels as it takes, so that the
  signal crosses a deep network from the first step on;
- Muon (see `muon.py`), and batch normalisation without a scale, whose statistics move fast;
- labels are smoothed, pictures shifted by up to 2 pixels and mirrored in every other epoch;
- a picture is classified by the mean of six looks at it: as it is, moved down and right, moved up
  and left by a pixel (these two half as heavy), and each of these mirrored; without those of the
  moves and the mirror that it did not learn with.

    32 × 32 → whitening 2 × 2 → (conv 3 × 3 → pool 2 → conv 3 × 3) three times → largest → classes

On CIFAR-10 it has 1,971,352 parameters that are learned at widths 64, 256, 256 (preset `full`), and
386,584 at 32, 96, 128 (preset `cifar10`), where the first layer, at stride 2, leaves a quarter of
the places.

On one thread of an AMD EPYC, in bf16, the latter's 2 epochs take 36 CPU seconds to a test accuracy
of 80.9 % (median of 3 seeds); the former's 8 epochs, with `source.validation=1000`, took 27 CPU
minutes to 93.75 % (one run). tests/benchmarks/RESULTS.md says how they were measured.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall.kit.schedules import Schedule
from rockfall.sources.dataset import Split
from rockfall_vision.classifier import Classifier, ClassifierConfig
from rockfall_vision.inputs import Fit

SMALLEST, LARGEST = 16, 32
"""Pixels a side that the network sees; other pictures are fitted to it (`inputs.Fit`)."""

WHITENED = 5000
"""Pictures whose patches are looked at: some millions, for a matrix of a dozen rows."""

FLOOR = 5e-4
"""Added to each variance, so that directions in which patches hardly vary are not all noise."""


class FastnetConfig(ClassifierConfig):
    widths: tuple[PositiveInt, ...] = Field(
        (32, 64, 64), min_length=1, max_length=3, description="channels of each group; few do here"
    )
    stride: Literal[1, 2] = Field(
        1, description="pixels between two patches of the first layer; 2 is a quarter of the work"
    )
    epochs: int = Field(10, ge=1, description="passes over the data, each way round five times")
    batch_size: int = Field(100, ge=1, description="pictures a step; digits are few")
    optimizer: Literal["adamw", "sgd", "muon"] = Field(
        "muon", description="learns most from a picture: of a million in all, each one counts"
    )
    lr: float = Field(6e-3, gt=0, description="highest step size of adamw, for biases and output")
    muon_lr: float = Field(0.24, gt=0, description="highest step size of muon, for the kernels")
    momentum: float = Field(0.6, ge=0, lt=1, description="of muon; there is little time to average")
    weight_decay: float = Field(
        0.1, ge=0, description="keeps weights small enough that steps still turn them"
    )
    schedule: Schedule = Field("linear", description="how lr falls to 0")
    label_smoothing: float = Field(
        0.2, ge=0, lt=1, description="share of each label that is spread over all classes"
    )


PHOTOGRAPHS: dict[str, Any] = {"flip": True, "shift": 2}
"""What leaves the class of a photograph as it is."""

QUICK: dict[str, Any] = {
    **PHOTOGRAPHS,
    "widths": (32, 96, 128),  # with stride 2, a fifteenth of the work of `full`
    "stride": 2,
    "epochs": 2,  # each picture as it is and mirrored
    "batch_size": 500,  # some 90 steps an epoch; larger ones would be too few
}


class Fastnet(Classifier):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = FastnetConfig
    precision: ClassVar[str] = "bf16"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"widths": (8, 16), "epochs": 1, "batch_size": 256},
        "cifar10": QUICK,
        "cifar100": QUICK,
        "full": {
            **PHOTOGRAPHS,
            "widths": (64, 256, 256),  # the paper's
            "epochs": 8,  # as the paper's later version
            "batch_size": 1000,  # half of it, for steps twice as many
        },
    }

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        fit = Fit(info.shape, SMALLEST, LARGEST)
        whitening = Whitening(info.shape[0], self.config.stride)
        layers: list[nn.Module] = [fit, whitening, nn.GELU()]
        channels = whitening.out_channels
        for width in self.config.widths:
            layers += [
                convolution(channels, width),
                nn.MaxPool2d(2),
                shifted_norm(width),
                nn.GELU(),
                convolution(width, width),
                shifted_norm(width),
                nn.GELU(),
            ]
            channels = width
        head = nn.Linear(channels, len(info.classes), bias=False)
        nn.init.normal_(head.weight, std=1 / channels)  # features are of size 1: unsure at first
        return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), head)

    def look_at(self, train: Split) -> None:
        fit, whitening = self.network[0], self.network[1]
        assert isinstance(whitening, Whitening)
        whitening.look_at(fit(self.prepared(train.inputs[:WHITENED])))

    @torch.no_grad()
    def classify(self, inputs: Tensor) -> Tensor:
        """inputs (N, C, H, W) → probabilities (N, classes), of the mean logits of all looks."""
        views = looks(self.prepared(inputs), flip=self.config.flip, shift=self.config.shift > 0)
        logits = torch.stack([weight * self.logits(view) for weight, view in views]).sum(0)
        return logits.softmax(1)


class Whitening(nn.Conv2d):
    """(N, C, H, W) → (N, 8 C, H', W'): patches of 2 × 2 along their principal directions.

    If a patch p has covariance E Λ Eᵀ, its 4 C numbers Λ^(−1/2) Eᵀ p vary alike and independently;
    they come with both signs, for a nonlinearity that keeps one. What is learned is a bias.
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__(channels, 8 * channels, 2, stride=stride)
        assert self.bias is not None
        self.weight.requires_grad_(False)
        nn.init.zeros_(self.bias)

    @torch.no_grad()
    def look_at(self, pictures: Tensor) -> None:
        """Take the weights from the patches of pictures (N, C, H, W) of mean 0."""
        patches = F.unfold(pictures, 2, stride=self.stride).transpose(1, 2).flatten(0, 1)
        variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (directions / (variances + FLOOR).sqrt()).T.view(-1, *self.weight.shape[1:])
        self.weight.copy_(torch.cat([filters, -filters]))


def convolution(channels: int, filters: int) -> nn.Conv2d:
    """3 × 3, no bias; the first filters hand on what they see, channel by channel."""
    made = nn.Conv2d(channels, filters, 3, padding=1, bias=False)
    with torch.no_grad():
        nn.init.dirac_(made.weight[:channels])
    return made


def shifted_norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation that learns a shift alone. Its averages forget in a few steps."""
    norm = nn.BatchNorm2d(channels, momentum=0.4)
    norm.weight.requires_grad_(False)
    return norm


def looks(pictures: Tensor, *, flip: bool, shift: bool) -> list[tuple[float, Tensor]]:
    """Views of pictures (N, C, H, W) float, with their weights, which sum to 1."""
    views = [(1.0, pictures)]
    height, width = pictures.shape[2:]
    if shift and min(height, width) > 1:  # else nothing could be mirrored in
        framed = F.pad(pictures, (1, 1, 1, 1), mode="reflect")
        moved = [framed[..., at : at + height, at : at + width] for at in (0, 2)]
        views = [(0.5, pictures), *((0.25, view) for view in moved)]
    if flip:
        views = [(weight / 2, look) for weight, view in views for look in (view, view.flip(3))]
    return views
