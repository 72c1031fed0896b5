"""LeNet-5, and LeNet-5 with the practice of the decades since.

LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86 (11), section II and figure 2:

    32 × 32 → conv 6 5 × 5 → pool 2 → conv 16 5 × 5 → pool 2 → 120 → 84 → classes

`lenet5` has 61,706 parameters on grey pictures of ten classes. It differs from the paper in what is
usual since: the second convolution connects to all six maps, not to a table's selection (table I);
pooling takes the largest value and has no coefficients; units are rectified (ReLU), not a scaled
tanh; the output is a softmax under cross-entropy, not Euclidean radial basis functions; and it is
trained by AdamW with a cosine schedule and label smoothing, not by stochastic diagonal
Levenberg-Marquardt.

`lenet5-plus` keeps the layers and has 175,066 parameters: more feature maps, batch normalisation
(Ioffe and Szegedy 2015) before each ReLU, dropout (Srivastava et al. 2014) before the output. It is
trained on shifted pictures, and classifies with an exponential average of its weights.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from torch import nn

import rockfall
from rockfall_vision.augmentation import PHOTOGRAPHS
from rockfall_vision.classifier import Classifier, ClassifierConfig
from rockfall_vision.inputs import ResizeAndPad

SIDE = 32
"""Height and width of the network's input; others are brought to it (`inputs.ResizeAndPad`)."""


class Lenet5Config(ClassifierConfig):
    epochs: int = Field(20, ge=1, description="passes over the training split; the paper's")
    batch_size: int = Field(32, ge=1, description="mini-batch size; digits are few")
    lr: float = Field(
        5e-3, gt=0, description="peak learning rate of AdamW; high, since few digits are few steps"
    )
    label_smoothing: float = Field(
        0.1, ge=0, lt=1, description="label smoothing ε; much, since few digits are soon overfitted"
    )


MNIST: dict[str, Any] = {
    "batch_size": 128,  # 422 steps an epoch are plenty
    "lr": 3e-3,
    "label_smoothing": 0.0,  # so many pictures are hard to overfit
    "shift": 2,  # the paper augments too, by affine distortions (section III.C)
}


class Lenet5(Classifier):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = Lenet5Config
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST,
        "fashion-mnist": MNIST,
        "kmnist": MNIST,
        "photographs": PHOTOGRAPHS,
        "tiny": {"epochs": 1, "batch_size": 256},
    }

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        return nn.Sequential(
            ResizeAndPad(info.shape, SIDE),
            nn.Conv2d(info.shape[0], 6, 5),
            nn.MaxPool2d(2),  # before ReLU: the same maps, for less work
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
    epochs: int = Field(20, ge=1, description="passes over the training split; the paper's")
    batch_size: int = Field(64, ge=1, description="mini-batch size; digits are few")
    lr: float = Field(
        3e-3, gt=0, description="peak learning rate of AdamW; batch normalisation bears a high one"
    )
    warmup: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="fraction of all steps in which the learning rate rises from 0; one cycle",
    )
    ema: float = Field(
        0.98,
        ge=0,
        lt=1,
        description="exponential decay rate of the averaged weights; over about 50 steps",
    )
    label_smoothing: float = Field(
        0.05, ge=0, lt=1, description="label smoothing ε; some labels are wrong"
    )
    shift: int = Field(
        1, ge=0, description="random translation in pixels each way; an eighth of a small digit"
    )


MNIST_PLUS: dict[str, Any] = {
    "batch_size": 128,  # 422 steps an epoch are plenty
    "ema": 0.998,  # over about an epoch
    "shift": 2,  # digits are not centred alike
}


class Lenet5Plus(Classifier):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = Lenet5PlusConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST_PLUS,
        "fashion-mnist": MNIST_PLUS,
        "kmnist": MNIST_PLUS,
        "photographs": PHOTOGRAPHS,
        "tiny": {"epochs": 1, "batch_size": 256},
    }

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        return nn.Sequential(
            ResizeAndPad(info.shape, SIDE),
            *conv_bn_relu_pool(info.shape[0], 16),
            *conv_bn_relu_pool(16, 48),
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


def conv_bn_relu_pool(channels: int, filters: int) -> list[nn.Module]:
    """(N, C, H, W) → (N, filters, (H − 4) / 2, (W − 4) / 2)."""
    return [
        nn.Conv2d(channels, filters, 5, bias=False),  # batch normalisation has its own
        nn.BatchNorm2d(filters),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ]
