"""Mode coverage of points that lie about a few centres, one a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor

from rockfall import Batch
from rockfall.kit.measurements import Measurements, measurement
from rockfall_generators.coverage import class_shares, coverage
from rockfall_generators.distances import float64

MAX_DISTANCE = 4.0
"""Standard deviations from its centre within which a point belongs to a mode."""
HIGH_QUALITY_DISTANCE = 3.0
"""The same for a high-quality sample: Srivastava et al. 2017, "VEEGAN"."""
MIN_SEPARATION = 0.9
"""Classes are modes if this share of test examples belongs to the mode of its own class."""


class Modes(NamedTuple):
    """centres (K, D) and standard deviations of a coordinate (K,), float64."""

    centres: Tensor
    stds: Tensor

    @classmethod
    def of(cls, train: Batch, classes: int) -> Self:
        """One a class of the training points (N, D); a class without any is infinitely far."""
        points = float64(train.inputs)
        labels = train.labels.to(points.device)
        groups = [points[labels == label] for label in range(classes)]
        far = points.new_full(points.shape[1:], torch.inf)
        centres = torch.stack([group.mean(0) if len(group) else far for group in groups])
        stds = [
            (group - centre).square().mean().sqrt() if len(group) else points.new_ones(())
            for group, centre in zip(groups, centres, strict=True)
        ]
        return cls(centres, torch.stack(stds))

    def classify(self, points: Tensor, max_distance: float = MAX_DISTANCE) -> Tensor:
        """(N, D) → the class (N,) int64 of the nearest mode, by distance in its own standard
        deviations; −1 if that is further than `max_distance`.
        """
        values = float64(points)
        distances = torch.stack(
            [
                (values - centre).square().sum(1).sqrt() / std
                for centre, std in zip(self.centres, self.stds.clamp_min(1e-12), strict=True)
            ],
            1,
        )
        nearest, labels = distances.min(1)
        return torch.where(nearest <= max_distance, labels, -1).to(points.device)

    def separate(self, test: Batch) -> bool:
        """Whether the classes are modes of these points, so that it means something to find one."""
        correct = self.classify(test.inputs) == test.labels
        return correct.double().mean().item() >= MIN_SEPARATION


def mode_metrics(
    modes: Modes, sets: Sequence[Tensor], train: Batch, test: Batch, names: Sequence[str]
) -> Measurements:
    """How many modes are covered, and the share of high-quality samples."""
    shares = class_shares(train.labels, len(names))
    labels = [modes.classify(each) for each in sets]
    on_mode, baseline = (
        (modes.classify(points, HIGH_QUALITY_DISTANCE) >= 0).double()
        for points in (torch.cat([*sets]), test.inputs)
    )
    return {
        "modes covered": coverage(labels, modes.classify(test.inputs), shares, names),
        "high-quality samples": measurement(on_mode, {"test examples": baseline}),
    }
