"""Every generator with its presets on a ring of eight Gaussians, and on one Gaussian.

Each row is `rockfall train MODEL ring --seed SEED`, or `gaussian-1d`, on one thread. A mode of the
ring is covered that gets at least a fifth of its share, by points within four standard deviations
of its centre; a point is on a mode within three, as 99 % of the data are. The ring takes --ring
seeds, the Gaussian --seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from tests.benchmarks.generator_trials import ADVERSARIAL, trials
from tests.benchmarks.report import Table, script

ON_RING = ("autoencoder", "vae", "cvae", *ADVERSARIAL, "flow")
ON_A_GAUSSIAN = ("vae", "gan", "wgan", "wgan-gp", "multi-gan", "flow")
MEAN, VARIANCE, WITHIN = 4.0, 0.5, 0.1


def on_ring(models: Sequence[str], seeds: int) -> Table:
    rows: list[list[Any]] = []
    for model in models:
        found = trials(model, "ring", seeds)
        on = f"{100 * found.mean('high-quality samples'):.1f}"
        sliced = "sliced Wasserstein distance"
        distance = f"{found.mean(sliced):.4f} ({found.baseline(sliced):.4f})"
        rows.append([f"`{model}`", found.by_seed("modes covered"), on, distance, found.took])
    headers = [
        "model",
        "modes covered of 8, by seed",
        "points on a mode, %",
        "sliced Wasserstein (training points')",
        "CPU s",
    ]
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
    only = options.only.split(",") if options.only else (*ON_RING, *ON_A_GAUSSIAN)
    points, numbers = ([m for m in models if m in only] for models in (ON_RING, ON_A_GAUSSIAN))
    return [on_ring(points, options.ring), on_a_gaussian(numbers, options.seeds)]


if __name__ == "__main__":
    script(__doc__, measure, seeds=3, ring=5, only="")
