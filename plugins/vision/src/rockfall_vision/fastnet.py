"""A CNN for fast training on photographs of 32 × 32, after the CIFAR-10 speedrun airbench.

Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", https://arxiv.org/abs/2404.00498, in
its later version with Muon (KellerJordan/cifar10-airbench, `airbench94_muon.py`). It is fast since

- the filters of the first layer are not learned: they are the principal components of the 2 × 2
  patches of the training pictures, scaled so that the output is white, and the same negated;
- every other convolution is initialised as the identity on as many channels as it takes (Dirac), so
  that the signal crosses the network from the first step on;
- it has Muon (see `muon.py`), and batch normalisation without a scale, with short running averages;
- labels are smoothed, pictures shifted by up to 2 pixels and mirrored in every other epoch;
- at test time, logits are averaged over six views of a picture (test-time augmentation): as it is,
  and moved by a pixel down and right or up and left (these two weigh half as much), each also
  mirrored. Moves and mirror images that it was not trained with are left out.

    32 × 32 → whitening 2 × 2 → (conv 3 × 3 → pool 2 → conv 3 × 3) × 3 → global max pool → classes

On CIFAR-10 it has 1,971,352 trainable parameters at widths 64, 256, 256 (preset `full`), and
386,584 at 32, 96, 128 (preset `cifar10`), where the first layer, at stride 2, leaves a quarter of
the positions.

It differs from `airbench94_muon.py`:

- AdamW with one learning rate trains biases and the output layer, where airbench has SGD with
  Nesterov momentum and a rate for each; biases have no weight decay;
- kernels have weight decay, and are not rescaled to a fixed norm before each step of Muon;
- the bias of the whitening layer is trained to the end, where airbench freezes it after 3 epochs;
- the output layer starts at standard deviation 1 / features, by which airbench divides its logits;
- the ε of batch normalisation is PyTorch's 1e-5, not 1e-12;
- whether a picture is mirrored first depends on the parity of its pixel sum, not on chance;
- `full` has batches half as large, and keeps the last, smaller one, which airbench drops;
- arithmetic is bfloat16 by autocast on float32 weights, where airbench's weights are float16;
- `validation accuracy` is that of a single view.

On one thread of an AMD EPYC, in bf16, preset `cifar10` takes 36 CPU seconds for its 2 epochs to a
test accuracy of 80.9 % (median of 3 seeds); preset `full`, with `source.validation=1000`, took 27
CPU minutes for its 8 epochs to 93.75 % (one run). tests/benchmarks/RESULTS.md says how they were
measured.

On a GPU its training step is captured as a CUDA graph, and pictures and their augmentation stay
there. What then still separates preset `full` from airbench's seconds: twice the steps, of half the
batch each; float32 weights, cast to bfloat16 at every step; a validation after every epoch, and the
checkpoints of the best; and layers that are not fused, where airbench's fastest are compiled.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall import Split
from rockfall.kit.schedules import Schedule
from rockfall_vision.augmentation import PHOTOGRAPHS
from rockfall_vision.classifier import Classifier, ClassifierConfig
from rockfall_vision.inputs import ResizeAndPad
from rockfall_vision.pooling import GlobalMaxPool2d

SMALLEST, LARGEST = 16, 32
"""Height and width of the network's input; others are brought to it (`inputs.ResizeAndPad`)."""

WHITENING_PICTURES = 5000
"""Whose patches, some millions, the covariance is estimated from; airbench's."""

WHITENING_EPSILON = 5e-4
"""Added to each variance, lest components of hardly any be amplified; airbench's."""


class FastnetConfig(ClassifierConfig):
    widths: tuple[PositiveInt, ...] = Field(
        (32, 64, 64),
        min_length=1,
        max_length=3,
        description="channels of each group of two convolutions; few suffice for digits",
    )
    stride: Literal[1, 2] = Field(
        1, description="stride of the whitening layer, in pixels; 2 is a quarter of the work"
    )
    epochs: int = Field(10, ge=1, description="passes over the training split; digits are few")
    batch_size: int = Field(100, ge=1, description="mini-batch size; digits are few")
    optimizer: Literal["adamw", "sgd", "muon"] = Field(
        "muon", description="optimizer of the kernels; muon learns most from each picture"
    )
    lr: float = Field(
        6e-3, gt=0, description="peak learning rate of adamw, for biases and the output layer"
    )
    muon_lr: float = Field(
        0.24, gt=0, description="peak learning rate of muon, for the kernels; airbench's"
    )
    momentum: float = Field(
        0.6, ge=0, lt=1, description="momentum coefficient of muon; airbench's, for few steps"
    )
    weight_decay: float = Field(
        0.1,
        ge=0,
        description="weight decay coefficient of kernels; it keeps their norm, and so the relative "
        "size of steps",
    )
    schedule: Schedule = Field("linear", description="learning-rate schedule; airbench's")
    label_smoothing: float = Field(0.2, ge=0, lt=1, description="label smoothing ε; airbench's")


AUGMENTATION: dict[str, Any] = {"flip": True, "shift": 2}
"""Airbench's; neither changes the class of a photograph."""

CIFAR: dict[str, Any] = {
    **AUGMENTATION,
    "widths": (32, 96, 128),  # with stride 2, a fifteenth of the work of `full`
    "stride": 2,
    "epochs": 2,  # each picture as it is and mirrored
    "batch_size": 500,  # some 90 steps an epoch; larger batches would leave too few
}


class Fastnet(Classifier):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = FastnetConfig
    precision: ClassVar[str] = "bf16"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "photographs": PHOTOGRAPHS,
        "tiny": {"widths": (8, 16), "epochs": 1, "batch_size": 256},
        "cifar10": CIFAR,
        "cifar100": CIFAR,
        "full": {
            **AUGMENTATION,
            "widths": (64, 256, 256),  # the paper's
            "epochs": 8,  # airbench's
            "batch_size": 1000,  # half of airbench's, for twice as many steps
        },
    }

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        resize = ResizeAndPad(info.shape, SMALLEST, LARGEST)
        whitening = Whitening(info.shape[0], self.config.stride)
        layers: list[nn.Module] = [resize, whitening, nn.GELU()]
        channels = whitening.out_channels
        for width in self.config.widths:
            layers += [
                dirac_conv(channels, width),
                nn.MaxPool2d(2),
                batch_norm_without_scale(width),
                nn.GELU(),
                dirac_conv(width, width),
                batch_norm_without_scale(width),
                nn.GELU(),
            ]
            channels = width
        head = nn.Linear(channels, len(info.classes), bias=False)
        nn.init.normal_(head.weight, std=1 / channels)  # small logits: uncertain at first
        return nn.Sequential(*layers, GlobalMaxPool2d(), nn.Flatten(), head)

    def init_from_data(self, train: Split) -> None:
        """Set the filters of the whitening layer."""
        resize, whitening = self.network[0], self.network[1]
        assert isinstance(whitening, Whitening)
        whitening.init_from_data(resize(self.preprocess(train.inputs[:WHITENING_PICTURES])))

    @torch.no_grad()
    def classify(self, inputs: Tensor) -> Tensor:
        """inputs (N, C, H, W) → probabilities (N, classes), of the logits averaged over views."""
        pictures = self.preprocess(inputs)
        views = tta_views(pictures, flip=self.config.flip, shift=self.config.shift > 0)
        logits = torch.stack([weight * self.logits(view) for weight, view in views]).sum(0)
        return logits.softmax(1)


class Whitening(nn.Conv2d):
    """Patch whitening: (N, C, H, W) → (N, 8 C, H', W'), from 2 × 2 patches.

    If patches p have covariance E Λ Eᵀ, the 4 C components Λ^(−1/2) Eᵀ p are uncorrelated and of
    variance 1. They are output with both signs, since the non-linearity after them suppresses one.
    The bias alone is trained.
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__(channels, 8 * channels, 2, stride=stride)
        assert self.bias is not None
        self.weight.requires_grad_(False)
        nn.init.zeros_(self.bias)

    @torch.no_grad()
    def init_from_data(self, pictures: Tensor) -> None:
        """Set the filters from the patches of pictures (N, C, H, W) of mean 0."""
        patches = F.unfold(pictures, 2, stride=self.stride).transpose(1, 2).flatten(0, 1)
        variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (directions / (variances + WHITENING_EPSILON).sqrt()).T.view(
            -1, *self.weight.shape[1:]
        )
        self.weight.copy_(torch.cat([filters, -filters]))


def dirac_conv(channels: int, filters: int) -> nn.Conv2d:
    """3 × 3 without bias; the first `channels` filters are initialised as the identity."""
    conv = nn.Conv2d(channels, filters, 3, padding=1, bias=False)
    with torch.no_grad():
        nn.init.dirac_(conv.weight[:channels])
    return conv


def batch_norm_without_scale(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation that learns a bias alone; its running averages span a few steps."""
    norm = nn.BatchNorm2d(channels, momentum=0.4)
    norm.weight.requires_grad_(False)
    return norm


def tta_views(pictures: Tensor, *, flip: bool, shift: bool) -> list[tuple[float, Tensor]]:
    """Views for test-time augmentation: (weight, pictures (N, C, H, W)); the weights sum to 1.

    shift: also by one pixel down and right, and up and left. flip: each view also mirrored.
    """
    views = [(1.0, pictures)]
    height, width = pictures.shape[2:]
    if shift and min(height, width) > 1:  # reflection needs a second row and column
        padded = F.pad(pictures, (1, 1, 1, 1), mode="reflect")
        shifted = [padded[..., at : at + height, at : at + width] for at in (0, 2)]
        views = [(0.5, pictures), *((0.25, view) for view in shifted)]
    if flip:
        views = [(weight / 2, each) for weight, view in views for each in (view, view.flip(3))]
    return views
