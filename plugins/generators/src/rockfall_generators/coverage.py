"""Which classes a generator makes, and how evenly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from rockfall import Batch, measurement
from rockfall.kit.measurements import mean_and_error
from rockfall_generators.protocol import GeneratesByClass

ENOUGH = 0.2
"""A class is covered if at least this part of its share of the training split is made."""
LISTED = 12


def shares(labels: Tensor, classes: int) -> Tensor:
    """Of examples labelled (N,) what part each class has (K,); of −1 that is none."""
    counts = torch.bincount(labels[labels >= 0], minlength=classes)
    return counts.double() / max(1, len(labels))


def covered(said: Tensor, wanted: Tensor) -> Tensor:
    """Which classes (K,) bool are made often enough: labels (N,), shares of the data (K,)."""
    return (wanted > 0) & (shares(said, len(wanted)) >= ENOUGH * wanted)


def entropy(said: Tensor) -> float:
    """Of labels (N,) in nats: log K if K classes are all as frequent, 0 if there is only one."""
    found = said.unique(return_counts=True)[1].double() / len(said)
    return float(torch.special.entr(found).sum())


def coverage(
    sets: Sequence[Tensor], test: Tensor, wanted: Tensor, names: Sequence[str]
) -> dict[str, Any]:
    """The figure of how many classes are covered, by all samples together; its error is by sets.

    sets: labels (N,) of samples. test: labels of test examples, the baseline. wanted: (K,) shares
    in the training split; names: of the K classes.
    """
    made = covered(torch.cat(list(sets)), wanted)
    found = {
        "value": float(made.sum()),
        "error": mean_and_error(_counts([covered(each, wanted) for each in sets]))["error"],
        "count": sum(map(len, sets)),
        "baselines": {"test examples": mean_and_error(_counts([covered(test, wanted)]))},
    }
    if missing := [name for name, has, due in zip(names, made, wanted, strict=True) if due > has]:
        more = f" and {len(missing) - LISTED:,} more" if len(missing) > LISTED else ""
        found["note"] = f"missing: {', '.join(missing[:LISTED])}{more}"
    return found


def agreement(
    model: GeneratesByClass, test: Batch, told: Callable[[Tensor], Tensor]
) -> dict[str, Any]:
    """The figure of the share of samples that are seen as of the class that was asked for.

    Classes are asked for as often as the test split has them. told: inputs (N, …) → which of the
    source's classes they are, −1 for none of them; of test examples it may be wrong as well.
    """
    made = told(model.sample_of(test.labels)) == test.labels
    return measurement(
        made.double(), {"test examples": (told(test.inputs) == test.labels).double()}
    )


def _counts(masks: Sequence[Tensor]) -> Tensor:
    return torch.stack([mask.sum() for mask in masks])
