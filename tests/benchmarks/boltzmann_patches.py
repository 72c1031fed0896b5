"""CIFAR-10 by features that spike-and-slab machines learn from patches of 3 × 8 × 8.

Each row is `rockfall train MODEL patches`, on one thread: 100,000 whitened patches, learned from
without labels. Then every picture's patches, two pixels apart, are encoded, their features summed
over the quadrants, and logistic regression tells the ten classes apart by these sums (the probe of
capability `encodes`), fitted to as many training pictures as a row names. Raw pixels
stand beside it, and the same machine before it has learned anything. Needs CIFAR-10, downloaded or
in `ROCKFALL_DATA`, and a quarter of an hour.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any
from unittest import mock

from rockfall_capabilities.encodes import evaluation
from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.report import Table, script

PICTURE = 3 * 32 * 32
UNTRAINED: Mapping[str, Any] = {"epochs": 1, "lr": 1e-9}
ROWS: tuple[tuple[str, int, Mapping[str, Any]], ...] = (
    ("ssrbm", 10_000, {}),
    ("ssrbm", 10_000, UNTRAINED),
    ("mu-ssrbm", 10_000, {}),
    ("ssrbm", 45_000, {}),
)
"""Model, training pictures of the probe, of which 45,000 are all, and settings."""


def trial(model: str, pictures: int, settings: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
    """The figure of the probe, and CPU seconds of the fit."""
    with (
        mock.patch.object(evaluation, "MAX_TRAIN_EXAMPLES", pictures),
        mock.patch.object(evaluation, "MAX_NUMBERS", pictures * PICTURE),
    ):
        _, result, seconds = trained(model, "patches", config=settings)
    return result["figures"]["probe accuracy"], seconds


def measure(options: argparse.Namespace) -> list[Table]:
    rows: list[list[Any]] = []
    for model, pictures, settings in ROWS:
        found, seconds = trial(model, pictures, settings)
        raw = found["baselines"]["raw pixels"]
        rows.append(
            [
                f"`{model}`, untrained" if settings else f"`{model}`",
                f"{pictures:,}",
                f"{100 * found['value']:.1f} ± {100 * found['error']:.1f}",
                f"{100 * raw['value']:.1f}",
                f"{seconds:.0f}",
            ]
        )
    headers = ["model", "labelled pictures", "test accuracy, %", "raw pixels", "CPU s"]
    return [Table("CIFAR-10 by features of patches", headers, rows)]


if __name__ == "__main__":
    script(__doc__, measure)
