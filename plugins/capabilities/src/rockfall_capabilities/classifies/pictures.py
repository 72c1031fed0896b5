"""What a classifier gets wrong, and which parts of a picture it goes by."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from rockfall import Batch, Dataset, Split
from rockfall.kit.drawing import are_pictures
from rockfall.kit.occlusion import occlusion
from rockfall_capabilities.classifies.confusion import confusion
from rockfall_capabilities.classifies.mistakes import MAX_MISTAKES, Mistake, mistakes
from rockfall_capabilities.classifies.protocol import Classifies
from rockfall_capabilities.classifies.saliency import Occluded, saliency

BATCH = 1000
MAX_EXAMPLES = 10_000
"""Test examples that the confusion matrix and the mistakes are taken from."""
MAX_OCCLUDED = 10
"""Classes of which one test picture is occluded patch by patch."""


def pictures(model: Classifies, source: Dataset) -> dict[str, Image.Image]:
    """`confusion`; and of pictures `mistakes`, the most confident, and `saliency`, of a test
    picture of each class.
    """
    test, info = source.test.evenly_spaced(MAX_EXAMPLES), source.info
    parts = torch.split(test.inputs, BATCH)
    probability, predicted = torch.cat([model.classify(part) for part in parts]).max(1)
    counts = confusion_counts(test.labels, predicted, len(info.classes))
    drawn = {"confusion": confusion(counts.cpu().numpy(), info.classes)}
    if are_pictures(info.shape, info.dtype):
        found = most_confident_mistakes(test, predicted, probability, files_of(source.test))
        wrong = int((predicted != test.labels).sum())
        drawn["mistakes"] = mistakes(found, wrong, len(predicted), info.classes)
        occluded = [
            Occluded(
                test.inputs[index].cpu(),
                int(test.labels[index]),
                int(predicted[index]),
                probability[index].item(),
                occlusion(
                    model.classify,
                    test.inputs[index],
                    int(predicted[index]),
                    info.statistics["mean"],
                ),
            )
            for index in _one_per_class(test.labels)
        ]
        drawn["saliency"] = saliency(occluded, info.classes)
    return drawn


def confusion_counts(labels: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """How many of class `row` were predicted as class `column`: (N,), (N,) → (K, K) int64."""
    return torch.bincount(labels * classes + predicted, minlength=classes**2).view(classes, classes)


def files_of(split: Split) -> Sequence[str]:
    """The names of the files of those examples that are looked at; none if it is of no files."""
    count = min(len(split), MAX_EXAMPLES)
    return [split.files[each * len(split) // count] for each in range(count)] if split.files else ()


def most_confident_mistakes(
    test: Batch, predicted: Tensor, probability: Tensor, files: Sequence[str] = ()
) -> list[Mistake]:
    """At most MAX_MISTAKES whose `predicted` class (N,) is wrong, the most probable first."""
    wrong = torch.nonzero(predicted != test.labels).flatten()
    order = probability[wrong].argsort(descending=True, stable=True)
    return [
        Mistake(
            test.inputs[index].cpu(),
            int(test.labels[index]),
            int(predicted[index]),
            probability[index].item(),
            files[index] if files else "",
        )
        for index in wrong[order[:MAX_MISTAKES]].tolist()
    ]


def _one_per_class(labels: Tensor) -> list[int]:
    """The index of the first example of each of at most MAX_OCCLUDED classes."""
    present = labels.unique().tolist()[:MAX_OCCLUDED]
    return [int((labels == label).nonzero()[0]) for label in present]
