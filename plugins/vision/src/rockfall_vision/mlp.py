"""A fully-connected network: pixels in, class probabilities out, back-propagation between.

Rumelhart, Hinton and Williams 1986, "Learning representations by back-propagating errors",
Nature 323; rectified units after Nair and Hinton 2010. On 8 × 8 digits, 64-128-10, it has 9,610
parameters.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall.sources.dataset import Dataset, Split


class MlpConfig(rockfall.Config):
    layers: tuple[PositiveInt, ...] = Field(
        (128,), description="hidden units a layer; 128 is enough for digits, and quick"
    )
    epochs: int = Field(40, ge=1, description="passes over the data; validation is flat by then")
    batch_size: int = Field(128, ge=1, description="pictures a step; a tenth of digits")
    lr: float = Field(1e-2, gt=0, le=1, description="Adam's first step size; falls to 0 (cosine)")
    weight_decay: float = Field(1e-4, ge=0, description="pull on the weights towards 0")


class Mlp(nn.Module):
    """inputs (N, C, H, W) uint8 → logits (N, classes)."""

    Config = MlpConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {"tiny": {"layers": (16,), "epochs": 2}}
    monitor: ClassVar[str] = "accuracy"
    threads: ClassVar[int] = 1  # the products are too small for a second thread to pay

    def __init__(self, config: MlpConfig, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.config = config
        pixels = torch.Size(info.shape).numel()
        widths = (pixels, *config.layers)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], len(info.classes)))

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.layers(pictures.flatten(1).float() / 255)
        return logits

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        config = self.config
        optimizer = torch.optim.AdamW(
            self.parameters(), lr=config.lr, weight_decay=config.weight_decay
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.epochs)
        run.keep(optimizer=optimizer, schedule=schedule)
        for epoch in run.epochs(config.epochs):
            for batch in epoch.batches(data.train, config.batch_size):
                with run.autocast():
                    loss = F.cross_entropy(self(batch.inputs), batch.labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                run.log(loss=loss)
            schedule.step()
            run.log(accuracy=self.accuracy(data.validation))

    @torch.no_grad()
    def accuracy(self, split: Split) -> Tensor:
        """Share of a split that is classified rightly."""
        predicted = self(split.inputs).argmax(1)
        right: Tensor = predicted == split.labels
        return right.float().mean()

    @torch.no_grad()
    def classify(self, inputs: Tensor) -> Tensor:
        probabilities: Tensor = self(inputs).softmax(1)
        return probabilities
