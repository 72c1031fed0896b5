"""What the Boltzmann machines make of digits, over five splits of 80 % and 20 %.

Each row is `rockfall train MODEL source.seed=SPLIT` with its defaults, on one thread. A model that
learns without labels is judged by its probe, logistic regression on its features; the same probe
on the raw pixels stands beside it, and that on the same machine before it has learned anything, for
random filters can be good features too. `dbn` is fine-tuned with the labels, and classifies itself.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.report import Table, script

GOALS = {"rbm": (95.0, 86.0), "ssrbm": (97.5, 82.0), "mu-ssrbm": (97.5, None), "dbn": (97.0, None)}
"""Model → goal, and what is published elsewhere of the same, in percent."""
FIGURES = {"dbn": "test accuracy"}
"""Of those that are not judged by their probe."""
UNTRAINED = {"epochs": 1, "lr": 1e-9}


class Trial(NamedTuple):
    """Test accuracies in percent, and CPU seconds of the fit."""

    own: float
    raw: float
    seconds: float


def trial(model: str, split: int, settings: Mapping[str, Any] | None = None) -> Trial:
    _, result, seconds = trained(
        model, "digits", source_options={"seed": split}, config=settings, seed=split
    )
    figures = result["figures"]
    raw = figures["probe accuracy"]["baselines"]["raw pixels"]
    own = figures[FIGURES.get(model, "probe accuracy")]
    return Trial(100 * own["value"], 100 * raw["value"], seconds)


def measure(options: argparse.Namespace) -> list[Table]:
    rows: list[list[Any]] = []
    for model, (goal, published) in GOALS.items():
        splits = range(options.splits)
        own, raw, seconds = zip(*(trial(model, split) for split in splits), strict=True)
        before = ""
        if model not in FIGURES:
            before = f"{statistics.mean(trial(model, s, UNTRAINED).own for s in splits):.2f}"
        rows.append(
            [
                f"`{model}`",
                f"{statistics.mean(own):.2f}",
                " · ".join(f"{value:.1f}" for value in own),
                f"{goal:g}",
                f"{published:g}" if published else "",
                before,
                f"{statistics.mean(raw):.2f}",
                f"{statistics.median(seconds):.1f}",
            ]
        )
    headers = [
        "model",
        "test accuracy, %",
        "by split",
        "goal",
        "published",
        "untrained",
        "raw pixels",
        "CPU s",
    ]
    return [Table("Boltzmann machines on digits", headers, rows)]


if __name__ == "__main__":
    script(__doc__, measure, splits=5)
