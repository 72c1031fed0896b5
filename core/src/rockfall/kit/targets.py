"""Targets of sequences, of which each step may have one, or none: a mask within the labels."""

from __future__ import annotations

from torch import Tensor

__all__ = ["NO_TARGET", "has_target"]

NO_TARGET = -100
"""The label of a step without a target: what `cross_entropy` ignores. Of numbers it is NaN."""


def has_target(labels: Tensor) -> Tensor:
    """Which of labels (…) int64, or of numbers (…, K) float as a whole, are targets: (…) bool."""
    if labels.is_floating_point():
        return ~labels.isnan().all(-1)
    return labels != NO_TARGET
