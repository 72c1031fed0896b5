"""Points about a few centres, a class each: which centres a generator finds, and how exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor

from rockfall import Batch, Measurements, measurement
from rockfall_generators.coverage import coverage, shares
from rockfall_generators.distances import exact

REACH = 4.0
"""Standard deviations from a centre within which a point belongs to its mode."""
QUALITY = 3.0
"""The same for a sample of high quality: Srivastava et al. 2017, "VEEGAN"."""
SEPARATE = 0.9
"""Classes are modes if such a share of test examples belongs to that of their own class."""


class Modes(NamedTuple):
    """centres (K, D) and standard deviations a coordinate (K,), float64."""

    centres: Tensor
    stds: Tensor

    @classmethod
    def of(cls, train: Batch, classes: int) -> Self:
        """One a class of the training points (N, D); a class without any is infinitely far."""
        points = exact(train.inputs)
        labels = train.labels.to(points.device)
        groups = [points[labels == label] for label in range(classes)]
        far = points.new_full(points.shape[1:], torch.inf)
        centres = torch.stack([group.mean(0) if len(group) else far for group in groups])
        stds = [
            (group - centre).square().mean().sqrt() if len(group) else points.new_ones(())
            for group, centre in zip(groups, centres, strict=True)
        ]
        return cls(centres, torch.stack(stds))

    def told(self, points: Tensor, reach: float = REACH) -> Tensor:
        """(N, D) → the class (N,) int64 of the mode that is nearest, counted in its own standard
        deviations; −1 if that is further than `reach`.
        """
        values = exact(points)
        away = torch.stack(
            [
                (values - centre).square().sum(1).sqrt() / std
                for centre, std in zip(self.centres, self.stds.clamp_min(1e-12), strict=True)
            ],
            1,
        )
        least, label = away.min(1)
        return torch.where(least <= reach, label, -1).to(points.device)

    def separate(self, test: Batch) -> bool:
        """Whether the classes are modes of these points, so that it means something to find one."""
        right = self.told(test.inputs) == test.labels
        return right.double().mean().item() >= SEPARATE


def on_modes(
    modes: Modes, sets: Sequence[Tensor], train: Batch, test: Batch, names: Sequence[str]
) -> Measurements:
    """How many modes are covered, and the share of samples that are near to one."""
    wanted = shares(train.labels, len(names))
    told = [modes.told(each) for each in sets]
    near = [(modes.told(part, QUALITY) >= 0).double() for part in (torch.cat([*sets]), test.inputs)]
    return {
        "modes covered": coverage(told, modes.told(test.inputs), wanted, names),
        "points on a mode": measurement(near[0], {"test examples": near[1]}),
    }
