"""A linear classifier: each class has a weight for every pixel, and the highest sum wins."""

import math
from typing import ClassVar

from pydantic import Field
from torch import Tensor, nn

import rockfall
from rockfall.kit.optimizers import Adam
from rockfall.kit.tracing import Layer, trace_layers


class Hello(nn.Module):
    class Config(rockfall.Config):
        epochs: int = Field(10, ge=1, description="passes over the data; more gain little")
        lr: float = Field(0.01, gt=0, description="learning rate of Adam; larger ones overshoot")

    presets: ClassVar = {"tiny": {"epochs": 2}}

    def __init__(self, config: Config, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.config = config
        pixels = math.prod(info.shape)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(pixels, len(info.classes)))

    def fit(self, data: rockfall.Dataset, run: rockfall.Run) -> None:
        optimizer = Adam(self.parameters(), lr=self.config.lr)
        run.keep(optimizer=optimizer)
        for epoch in run.epochs(self.config.epochs):
            for batch in epoch.batches(data.train, 64):
                loss = nn.functional.cross_entropy(self.layers(batch.inputs / 255), batch.labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                run.log(loss=loss)

    def classify(self, inputs: Tensor) -> Tensor:
        """Pictures (N, C, H, W) uint8 → probabilities of the classes (N, K)."""
        logits: Tensor = self.layers(inputs / 255)
        return logits.softmax(1)

    def trace(self, inputs: Tensor) -> list[Layer]:
        """Pictures (N, C, H, W) → what each layer makes of them, for whoever looks inside."""
        return trace_layers(self, inputs, self.classify)
