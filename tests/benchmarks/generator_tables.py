"""Every generator with its defaults: on digits, on a ring of eight Gaussians, and on one Gaussian.

Each row is `rockfall train MODEL SOURCE --seed SEED`, on one thread, and what its own run says of
it. On digits a judge, a classifier trained on the training pictures, says which class each sample
is of; a class is covered that gets at least a fifth of its share. A mode of the ring is covered
likewise, by points within four standard deviations of its centre.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.report import Table, script

ADVERSARIAL = ("gan", "wgan", "wgan-gp", "multi-gan", "cgan")
PICTURES = ("autoencoder", "vae", "cvae", *ADVERSARIAL, "dcgan", "stacked-gan", "flow")
POINTS = ("autoencoder", "vae", "cvae", *ADVERSARIAL, "flow")
NUMBERS = ("vae", "gan", "wgan", "wgan-gp", "multi-gan", "flow")
MEAN, VARIANCE, WITHIN = 4.0, 0.5, 0.1


class Trials(NamedTuple):
    """A model's runs on a source: the figures of each, and CPU seconds of its fit."""

    figures: Sequence[dict[str, Any]]
    seconds: Sequence[float]

    def values(self, name: str) -> list[float]:
        return [figures[name]["value"] for figures in self.figures]

    def mean(self, name: str) -> float:
        return statistics.mean(self.values(name))

    def by_seed(self, name: str, form: str = ".0f") -> str:
        return " · ".join(f"{value:{form}}" for value in self.values(name))

    def baseline(self, name: str) -> float:
        """Of the only one beside a figure, the mean over the runs."""
        beside = [figures[name]["baselines"].values() for figures in self.figures]
        return statistics.mean(each["value"] for (each,) in beside)

    @property
    def took(self) -> str:
        return f"{statistics.median(self.seconds):.0f}"


def trials(model: str, source: str, seeds: int) -> Trials:
    runs = [trained(model, source, seed=seed) for seed in range(seeds)]
    return Trials([run.result["figures"] for run in runs], [run.seconds for run in runs])


def on_digits(models: Sequence[str], seeds: int) -> Table:
    rows: list[list[Any]] = []
    beside: Trials | None = None
    for model in models:
        beside = found = trials(model, "digits", seeds)
        rows.append(
            [
                f"`{model}`",
                found.by_seed("classes covered"),
                *(f"{found.mean(name):.2f}" for name in DIGITS),
                found.took,
            ]
        )
    if beside:
        real = [f"{beside.baseline(name):.2f}" for name in DIGITS]
        rows.append(["real pictures", f"{beside.baseline('classes covered'):.0f}", *real, ""])
    headers = ["model", "classes covered, by seed", *DIGITS.values(), "CPU s"]
    note = (
        "Means over the seeds. Real pictures: training ones against the test split in the judge's "
        "features; entropy and neighbours of test pictures."
    )
    return Table("Generators on digits", headers, rows, note)


DIGITS = {
    "Fréchet distance": "Fréchet distance",
    "precision": "precision",
    "recall": "recall",
    "class entropy": "class entropy, nats",
    "nearest training neighbour": "nearest training neighbour",
}
"""A run's figure → the table's heading."""


def on_ring(models: Sequence[str], seeds: int) -> Table:
    rows: list[list[Any]] = []
    for model in models:
        found = trials(model, "ring", seeds)
        on = f"{100 * found.mean('points on a mode'):.1f}"
        rows.append([f"`{model}`", found.by_seed("modes covered"), on, found.took])
    headers = ["model", "modes covered of 8, by seed", "points on a mode, %", "CPU s"]
    return Table("Generators on a ring of eight Gaussians", headers, rows)


def on_a_gaussian(models: Sequence[str], seeds: int) -> Table:
    rows: list[list[Any]] = []
    for model in models:
        found = trials(model, "gaussian-1d", seeds)
        pairs = zip(found.values("mean"), found.values("variance"), strict=True)
        near = sum(abs(m - MEAN) <= WITHIN and abs(v - VARIANCE) <= WITHIN for m, v in pairs)
        rows.append(
            [
                f"`{model}`",
                found.by_seed("mean", ".3f"),
                found.by_seed("variance", ".3f"),
                f"{near} of {seeds}",
                f"{found.mean('Kolmogorov–Smirnov'):.3f}",
                found.took,
            ]
        )
    headers = [
        "model",
        "mean, by seed",
        "variance, by seed",
        f"both within {WITHIN:g}",
        "Kolmogorov–Smirnov",
        "CPU s",
    ]
    return Table(f"Generators on one Gaussian, mean {MEAN:g}, variance {VARIANCE:g}", headers, rows)


def measure(options: argparse.Namespace) -> list[Table]:
    only = set(options.only.split(",")) if options.only else set(PICTURES)
    wanted = [[m for m in models if m in only] for models in (PICTURES, POINTS, NUMBERS)]
    pictures, points, numbers = wanted
    return [
        on_digits(pictures, options.seeds),
        on_ring(points, options.fewer),
        on_a_gaussian(numbers, options.fewer),
    ]


if __name__ == "__main__":
    script(__doc__, measure, seeds=5, fewer=3, only="")
