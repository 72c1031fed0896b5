"""The accuracy of a classifier, beside simple methods'; on training examples it tells how far it
overfits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rockfall import Batch, Dataset, Measurements, Split, measurement
from rockfall_capabilities.classifies.protocol import Classifies

BATCH = 1000
MAX_TRAIN_EXAMPLES = 10_000
"""Training examples that the train accuracy and the nearest neighbour are measured with."""
MAX_MULTIPLICATIONS = 8e10
"""Multiplications that the nearest neighbour may take, some 2 seconds of one thread. For 10,000
test pictures, it knows 10,000 training pictures of 1 × 28 × 28, but 2,604 of 3 × 32 × 32.
"""


def evaluate(
    model: Classifies, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """`test accuracy`, of the model, the commonest class and the nearest neighbour; and
    `train accuracy`, of the model on examples that it was trained on.
    """
    test = source.test.evenly_spaced(limit)
    train = source.train.evenly_spaced(min(limit or MAX_TRAIN_EXAMPLES, MAX_TRAIN_EXAMPLES))
    commonest = source.train.labels.mode().values
    baselines = {
        "commonest class": (test.labels == commonest).float(),
        "nearest neighbour": (test.labels == _nearest_labels(source.train, test.inputs)).float(),
    }
    return {
        "test accuracy": measurement(_correct(model, test), baselines),
        "train accuracy": measurement(_correct(model, train), {}),
    }


def _correct(model: Classifies, batch: Batch) -> Tensor:
    """(N,) 1.0 where the likeliest class is the example's."""
    parts = torch.split(batch.inputs, BATCH)
    predicted = torch.cat([model.classify(part).argmax(1) for part in parts])
    return (predicted == batch.labels).float()


def _nearest_labels(train: Split, inputs: Tensor) -> Tensor:
    """The labels of the nearest training examples to inputs (N, …), by Euclidean distance."""
    affordable = int(MAX_MULTIPLICATIONS / inputs.numel())
    known = train.evenly_spaced(max(1, min(MAX_TRAIN_EXAMPLES, affordable)))
    points = known.inputs.flatten(1).float()
    # |x − p|² = |x|² − 2 (x·p − |p|² / 2), so the nearest has the greatest of what is in brackets.
    halves = points.square().sum(1) / -2
    nearest = [
        torch.addmm(halves, part.flatten(1).float(), points.T).argmax(1)
        for part in torch.split(inputs, BATCH)
    ]
    return known.labels[torch.cat(nearest)]
