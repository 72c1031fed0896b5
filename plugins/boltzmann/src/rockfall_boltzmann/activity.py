"""Capability `fires`: a model with binary hidden units.

Its score is the mean activity of the units, and dead ones are counted: a unit that is always off,
or always on, carries no information. Histograms of activities show such units (Hinton 2012, "A
practical guide to training restricted Boltzmann machines", section 15).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from PIL import Image
from torch import Tensor

from rockfall import Dataset, Measurements, measurement
from rockfall.kit.drawing import Histogram, histograms

BATCH_SIZE = 1000
DEAD_SHARE = 0.001
"""A unit is dead if it is on, or off, for less than this share of examples."""
HISTOGRAM_EXAMPLES = 2000
"""Most test examples that the histograms are of."""


@runtime_checkable
class Fires(Protocol):
    """A model with binary hidden units."""

    def activity(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → P(h = 1) of every hidden unit (N, M)."""


def evaluate(
    model: Fires, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """Mean share of hidden units that are on for a test example, and how many are dead."""
    activity = _activity(model, source.test.evenly_spaced(limit).inputs)
    dead, units = dead_units(activity), activity.shape[1]
    found = measurement(activity.mean(1), {})
    return {"active units": {**found, "note": f"{dead:,} of {units:,} dead", "dead": dead}}


def check(model: Fires, source: Dataset) -> None:
    """Activities are probabilities (N, M), and deterministic."""
    inputs = source.train.inputs[:5]
    activity = model.activity(inputs)
    shape = tuple(activity.shape)
    assert activity.ndim == 2 and len(activity) == 5, f"activity gave shape {shape}"
    assert ((activity >= 0) & (activity <= 1)).all(), "activities must lie between 0 and 1"
    assert torch.equal(activity, model.activity(inputs)), "activity must be deterministic"


def pictures(model: Fires, source: Dataset) -> dict[str, Image.Image]:
    """`activity`: histograms of each unit's mean activity, and of all activities."""
    activity = _activity(model, source.test.evenly_spaced(HISTOGRAM_EXAMPLES).inputs)
    examples, units = activity.shape
    return {
        "activity": histograms(
            [
                Histogram(
                    "Mean activity of each hidden unit",
                    f"{units:,} units, over {examples:,} test examples",
                    activity.mean(0),
                    (0.0, 1.0),
                ),
                Histogram(
                    "P(h = 1 | v), every unit and every example",
                    f"{activity.numel():,} probabilities",
                    activity.flatten(),
                    (0.0, 1.0),
                    logarithmic=True,
                ),
            ]
        )
    }


def dead_units(activity: Tensor) -> int:
    """How many units of (N, M) are on, or off, for less than a share DEAD_SHARE of the examples."""
    mean = activity.double().mean(0)
    return int(((mean < DEAD_SHARE) | (mean > 1 - DEAD_SHARE)).sum())


def _activity(model: Fires, inputs: Tensor) -> Tensor:
    """Of inputs (N, …), in batches: (N, M)."""
    return torch.cat([model.activity(part) for part in torch.split(inputs, BATCH_SIZE)])
