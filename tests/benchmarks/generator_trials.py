"""A generator's runs on a source, by seed, as the tables of generators take them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.report import Table

FIGURES = ("Fréchet distance", "precision", "recall", "class entropy", "nearest training neighbour")
"""By a feature classifier, beside the classes covered."""
ADVERSARIAL = ("gan", "wgan", "wgan-gp", "multi-gan", "cgan")


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


def by_feature_classifier(title: str, source: str, seeds: Mapping[str, int]) -> Table:
    """Measurements of each model's runs on a source by a feature classifier.

    seeds: how many runs of each.
    """
    rows: list[list[Any]] = []
    beside: Trials | None = None
    for model, count in seeds.items():
        beside = found = trials(model, source, count)
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
        "Means over the seeds. Real pictures: training ones against the test split in the "
        "classifier's features; entropy and neighbours of test pictures."
    )
    return Table(title, headers, rows, note)
