"""`classifies`: tells classes apart. Its figure is the test accuracy beside simple methods'."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall.capabilities.figures import Figures, figure
from rockfall.sources.dataset import Dataset

BATCH = 1000
MOST_NEIGHBOURS = 10_000
"""Training examples that the nearest-neighbour baseline looks at; more would take minutes."""


@runtime_checkable
class Classifies(Protocol):
    """Tells classes apart."""

    def classify(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → probabilities (N, classes)."""


def evaluate(
    model: Classifies, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Figures:
    """Accuracy on the test split, of the model, the commonest class and the nearest neighbour."""
    test = source.test[:limit]
    predicted = torch.cat([model.classify(p).argmax(1) for p in torch.split(test.inputs, BATCH)])
    commonest = source.train.labels.mode().values
    baselines = {
        "commonest class": test.labels == commonest,
        "nearest neighbour": test.labels == _nearest(source, test.inputs),
    }
    return {
        "accuracy": figure(
            (predicted == test.labels).float(), {k: v.float() for k, v in baselines.items()}
        )
    }


def check(model: Classifies, source: Dataset) -> None:
    """Probabilities: the right shape, in range, of sum one, the same for the same input."""
    inputs = source.train.inputs[:5]
    given = model.classify(inputs)
    classes = len(source.info.classes)
    assert given.shape == (5, classes), f"classify gave {tuple(given.shape)}, not (5, {classes})"
    assert ((given >= 0) & (given <= 1)).all(), "probabilities must lie between 0 and 1"
    sums = given.sum(1)
    assert torch.allclose(sums, torch.ones_like(sums), atol=1e-4), "they must sum to 1"
    assert torch.equal(given, model.classify(inputs)), "classify must be deterministic"


def _nearest(source: Dataset, inputs: Tensor) -> Tensor:
    known = source.train[:MOST_NEIGHBOURS]
    points = known.inputs.flatten(1).float()
    parts = torch.split(inputs.flatten(1).float(), BATCH)
    return known.labels[torch.cat([torch.cdist(part, points).argmin(1) for part in parts])]
