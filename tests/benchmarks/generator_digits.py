"""Every generator with its defaults on digits, as its own run measures it.

Each row is `rockfall train MODEL --seed SEED`, on one thread. A judge, a classifier trained on the
training pictures, says which class each sample is of; a class is covered that gets at least a fifth
of its share.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from tests.benchmarks.generator_trials import ADVERSARIAL, Trials, trials
from tests.benchmarks.report import Table, script

MODELS = ("autoencoder", "vae", "cvae", *ADVERSARIAL, "dcgan", "stacked-gan", "flow")
SEEDS = {"gan": 5, "dcgan": 5}
"""The others take --seeds."""
FIGURES = ("Fréchet distance", "precision", "recall", "class entropy", "nearest training neighbour")


def measured(models: Sequence[str], seeds: int) -> Table:
    rows: list[list[Any]] = []
    beside: Trials | None = None
    for model in models:
        beside = found = trials(model, "digits", SEEDS.get(model, seeds))
        rows.append(
            [
                f"`{model}`",
                found.by_seed("classes covered"),
                *(f"{found.mean(name):.2f}" for name in FIGURES),
                found.took,
            ]
        )
    if beside:
        real = [f"{beside.baseline(name):.2f}" for name in FIGURES]
        rows.append(["real pictures", f"{beside.baseline('classes covered'):.0f}", *real, ""])
    headers = ["model", "classes covered, by seed", *FIGURES, "CPU s"]
    note = (
        "Means over the seeds. Real pictures: training ones against the test split in the judge's "
        "features; entropy and neighbours of test pictures."
    )
    return Table("Generators on digits", headers, rows, note)


def measure(options: argparse.Namespace) -> list[Table]:
    only = options.only.split(",") if options.only else MODELS
    return [measured([model for model in MODELS if model in only], options.seeds)]


if __name__ == "__main__":
    script(__doc__, measure, seeds=3, only="")
