"""`fires`: has units that are on or off. Its figure is how many are on; dead ones are counted.

A unit that is always off, or always on, tells nothing; histograms show such units (Hinton 2010,
section 15).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from PIL import Image
from torch import Tensor

from rockfall import Dataset, Measurements, measurement
from rockfall.kit.drawing import Histogram, histograms

BATCH = 1000
DEAD = 0.001
"""On, or off, for less than this share of examples."""
MOST_DRAWN = 2000
"""Test examples that the histograms are of."""


@runtime_checkable
class Fires(Protocol):
    """Has units that are on or off."""

    def activity(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → probabilities that a unit is on (N, M)."""


def evaluate(
    model: Fires, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """Mean share of units that are on for a test example, and how many are dead."""
    parts = torch.split(source.test.evenly_spaced(limit).inputs, BATCH)
    on = torch.cat([model.activity(part) for part in parts])
    dead, units = dead_units(on), on.shape[1]
    found = measurement(on.mean(1), {})
    return {"active units": {**found, "note": f"{dead:,} of {units:,} dead", "dead": dead}}


def check(model: Fires, source: Dataset) -> None:
    """Probabilities, the same for the same input."""
    inputs = source.train.inputs[:5]
    given = model.activity(inputs)
    assert given.ndim == 2 and len(given) == 5, f"activity gave shape {tuple(given.shape)}"
    assert ((given >= 0) & (given <= 1)).all(), "activities must lie between 0 and 1"
    assert torch.equal(given, model.activity(inputs)), "activity must be deterministic"


def pictures(model: Fires, source: Dataset) -> dict[str, Image.Image]:
    """`activity`: histograms of how often each unit is on, and of all units for all examples."""
    inputs = source.test.evenly_spaced(MOST_DRAWN).inputs
    on = torch.cat([model.activity(part) for part in torch.split(inputs, BATCH)])
    examples, units = on.shape
    across = f"{units:,} units, over {examples:,} test examples"
    return {
        "activity": histograms(
            [
                Histogram("How often each unit is on", across, on.mean(0), (0.0, 1.0)),
                Histogram(
                    "P(on), every unit and every example",
                    f"{on.numel():,} probabilities",
                    on.flatten(),
                    (0.0, 1.0),
                    logarithmic=True,
                ),
            ]
        )
    }


def dead_units(on: Tensor) -> int:
    """How many units of (N, M) are on, or off, for less than a share DEAD of the examples."""
    often = on.double().mean(0)
    return int(((often < DEAD) | (often > 1 - DEAD)).sum())
