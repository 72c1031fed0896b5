"""Class coverage: which classes a generator makes, and how evenly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from rockfall import Batch
from rockfall.kit.measurements import mean_and_error, measurement
from rockfall_generators.protocol import GeneratesByClass

MIN_RELATIVE_SHARE = 0.2
"""A class is covered if its share of the samples is this part of that of the training split."""
MAX_LISTED = 12


def class_shares(labels: Tensor, classes: int) -> Tensor:
    """Labels (N,) → the share of each class (K,) float64; label −1 is none of them."""
    counts = torch.bincount(labels[labels >= 0], minlength=classes)
    return counts.double() / max(1, len(labels))


def covered_classes(labels: Tensor, shares: Tensor) -> Tensor:
    """Which classes (K,) bool have enough of samples (N,), by their shares (K,) of the training
    split.
    """
    enough = class_shares(labels, len(shares)) >= MIN_RELATIVE_SHARE * shares
    return (shares > 0) & enough


def class_entropy(labels: Tensor) -> float:
    """Entropy of labels (N,) in nats: log K if K classes are equally frequent, 0 for only one."""
    shares = labels.unique(return_counts=True)[1].double() / len(labels)
    return float(torch.special.entr(shares).sum())


def coverage(
    sets: Sequence[Tensor], test: Tensor, shares: Tensor, names: Sequence[str]
) -> dict[str, Any]:
    """The measurement of how many classes all samples together cover; its error is by sets.

    sets: labels (N,) of samples. test: labels of test examples, the baseline. shares: (K,) of the
    classes in the training split; names: theirs.
    """
    covered = covered_classes(torch.cat(list(sets)), shares)
    measured = {
        "value": float(covered.sum()),
        "error": mean_and_error(_counts([covered_classes(each, shares) for each in sets]))["error"],
        "count": sum(map(len, sets)),
        "baselines": {"test examples": mean_and_error(_counts([covered_classes(test, shares)]))},
    }
    missing = [name for name, has, share in zip(names, covered, shares, strict=True) if share > has]
    if missing:
        more = f" and {len(missing) - MAX_LISTED:,} more" if len(missing) > MAX_LISTED else ""
        measured["note"] = f"missing: {', '.join(missing[:MAX_LISTED])}{more}"
    return measured


def class_agreement(
    model: GeneratesByClass, test: Batch, classify: Callable[[Tensor], Tensor]
) -> dict[str, Any]:
    """The measurement of the share of samples that are classified as the class asked for.

    Classes are asked for as often as the test split has them. classify: inputs (N, …) → labels (N,)
    of the source's classes, −1 for none of them; of test examples it may be wrong as well.
    """
    agrees = classify(model.sample_of(test.labels)) == test.labels
    baseline = classify(test.inputs) == test.labels
    return measurement(agrees.double(), {"test examples": baseline.double()})


def _counts(masks: Sequence[Tensor]) -> Tensor:
    return torch.stack([mask.sum() for mask in masks])
