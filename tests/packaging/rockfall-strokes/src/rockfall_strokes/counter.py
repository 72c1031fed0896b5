"""Least squares from pixels to their number; the capability is reached by its name alone."""

import math
from typing import ClassVar

from pydantic import Field
from torch import Tensor, nn, optim

import rockfall


class InkCounter(nn.Module):
    class Config(rockfall.Config):
        epochs: int = Field(20, ge=1, description="passes over the training data")

    presets: ClassVar = {"tiny": {"epochs": 2}}

    def __init__(self, config: Config, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.config = config
        self.layer = nn.Linear(math.prod(info.shape), 1)

    def fit(self, data: rockfall.Dataset, run: rockfall.Run) -> None:
        optimizer = optim.Adam(self.parameters(), lr=0.05)
        run.keep(optimizer=optimizer)
        for epoch in run.epochs(self.config.epochs):
            for batch in epoch.batches(data.train, 50):
                true = (batch.inputs > 0).float().flatten(1).sum(1)
                loss = (self.count_ink(batch.inputs) - true).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                run.log(loss=loss)

    def count_ink(self, inputs: Tensor) -> Tensor:
        counts: Tensor = self.layer(inputs.flatten(1).float() / 255).squeeze(1)
        return counts
