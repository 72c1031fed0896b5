"""A model that keeps every promise, of which the faulty ones are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import rockfall

Check = Callable[..., None]


class Good(nn.Module):
    """A linear classifier that keeps every promise."""

    class Config(rockfall.Config):
        epochs: int = Field(3, ge=1, description="passes over the data")

    presets: ClassVar[dict[str, Any]] = {"tiny": {"epochs": 2}}

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.config = config
        self.linear = nn.Linear(64, len(info.classes))

    def fit(self, data: rockfall.Dataset, run: rockfall.Run) -> None:
        optimizer = torch.optim.Adam(self.parameters(), lr=0.01)
        self.keep(run, optimizer)
        for epoch in run.epochs(self.config.epochs):
            self.begin(run)
            for batch in epoch.batches(data.train, 300, shuffle=self.shuffles):
                loss = self.factor() * cross_entropy(self.logits(batch.inputs), batch.labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                run.log(loss=loss)
            run.picture("weights", self.draw)

    # What the faulty ones do otherwise.
    shuffles: ClassVar[bool] = True

    def keep(self, run: rockfall.Run, optimizer: torch.optim.Optimizer) -> None:
        run.keep(optimizer=optimizer)

    def begin(self, run: rockfall.Run) -> None:
        pass

    def factor(self) -> float:
        return 1.0

    def draw(self) -> Tensor:
        return torch.zeros(1, 8, 8, dtype=torch.uint8)

    def logits(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.linear(inputs.flatten(1) / 255)
        return logits

    def classify(self, inputs: Tensor) -> Tensor:
        return self.logits(inputs).softmax(1)
