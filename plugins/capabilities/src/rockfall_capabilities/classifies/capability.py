"""`classifies`: tells classes apart. Its figure is the test accuracy beside simple methods'; beside
the train accuracy it says how much was learned by heart.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from PIL import Image
from torch import Tensor

from rockfall import Batch, Dataset, Measurements, Split, measurement
from rockfall.kit.drawing import are_pictures
from rockfall_capabilities.classifies.confusion import confusion
from rockfall_capabilities.classifies.mistakes import MOST, Mistake, mistakes
from rockfall_capabilities.classifies.occlusion import occlusion
from rockfall_capabilities.classifies.saliency import Looked, saliency

BATCH = 1000
MOST_TRAINED = 10_000
"""Training examples that the train accuracy and the nearest neighbour are measured with."""
MOST_PRODUCTS = 8e10
"""Multiplications that the nearest neighbour may take, some 2 seconds of one thread. For 10,000
test pictures, it knows 10,000 training pictures of 1 × 28 × 28, but 2,604 of 3 × 32 × 32.
"""
MOST_DRAWN = 10_000
"""Test examples that the confusion matrix and the mistakes are taken from."""
MOST_LOOKED_INTO = 10
"""Classes of which one test picture is covered piece by piece."""


@runtime_checkable
class Classifies(Protocol):
    """Tells classes apart."""

    def classify(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → probabilities (N, classes)."""


def evaluate(
    model: Classifies, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """Accuracy on the test split, of the model, the commonest class and the nearest neighbour; and
    the model's on examples that it was trained on.
    """
    test = source.test.evenly_spaced(limit)
    trained = source.train.evenly_spaced(min(limit or MOST_TRAINED, MOST_TRAINED))
    commonest = source.train.labels.mode().values
    baselines = {
        "commonest class": (test.labels == commonest).float(),
        "nearest neighbour": (test.labels == _nearest(source.train, test.inputs)).float(),
    }
    return {
        "test accuracy": measurement(_right(model, test), baselines),
        "train accuracy": measurement(_right(model, trained), {}),
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


def pictures(model: Classifies, source: Dataset) -> dict[str, Image.Image]:
    """`confusion`; and of pictures the surest `mistakes`, and where the model looks: `saliency`."""
    test, info = source.test.evenly_spaced(MOST_DRAWN), source.info
    parts = torch.split(test.inputs, BATCH)
    probability, said = torch.cat([model.classify(part) for part in parts]).max(1)
    counts = confused(test.labels, said, len(info.classes))
    drawn = {"confusion": confusion(counts.cpu().numpy(), info.classes)}
    if are_pictures(info.shape, info.dtype):
        found = most_confident_mistakes(test, said, probability)
        wrong = int((said != test.labels).sum())
        drawn["mistakes"] = mistakes(found, wrong, len(said), info.classes)
        looked = [
            Looked(
                test.inputs[index].cpu(),
                int(test.labels[index]),
                int(said[index]),
                probability[index].item(),
                occlusion(
                    model.classify, test.inputs[index], int(said[index]), info.statistics["mean"]
                ),
            )
            for index in _one_a_class(test.labels)
        ]
        drawn["saliency"] = saliency(looked, info.classes)
    return drawn


def confused(labels: Tensor, said: Tensor, classes: int) -> Tensor:
    """How many of class `row` were said to be of class `column`: (N,), (N,) → (K, K) int64."""
    return torch.bincount(labels * classes + said, minlength=classes**2).view(classes, classes)


def most_confident_mistakes(test: Batch, said: Tensor, probability: Tensor) -> list[Mistake]:
    """At most MOST of those whose class `said` (N,) is wrong, the highest `probability` first."""
    wrong = torch.nonzero(said != test.labels).flatten()
    surest = wrong[probability[wrong].argsort(descending=True, stable=True)[:MOST]]
    return [
        Mistake(
            test.inputs[index].cpu(),
            int(test.labels[index]),
            int(said[index]),
            probability[index].item(),
        )
        for index in surest.tolist()
    ]


def _one_a_class(labels: Tensor) -> list[int]:
    """The place of the first example of each of at most MOST_LOOKED_INTO classes."""
    present = labels.unique().tolist()[:MOST_LOOKED_INTO]
    return [int((labels == label).nonzero()[0]) for label in present]


def _right(model: Classifies, batch: Batch) -> Tensor:
    """(N,) 1.0 where the model is right."""
    parts = torch.split(batch.inputs, BATCH)
    predicted = torch.cat([model.classify(part).argmax(1) for part in parts])
    return (predicted == batch.labels).float()


def _nearest(train: Split, inputs: Tensor) -> Tensor:
    """The labels of the nearest training examples to inputs (N, …), by Euclidean distance."""
    affordable = int(MOST_PRODUCTS / inputs.numel())
    known = train.evenly_spaced(max(1, min(MOST_TRAINED, affordable)))
    points = known.inputs.flatten(1).float()
    # |x − p|² = |x|² − 2 (x·p − |p|² / 2), so the nearest has the greatest of what is in brackets.
    halves = points.square().sum(1) / -2
    found = [
        torch.addmm(halves, part.flatten(1).float(), points.T).argmax(1)
        for part in torch.split(inputs, BATCH)
    ]
    return known.labels[torch.cat(found)]
