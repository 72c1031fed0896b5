"""What every agent finally reaches: `rockfall train` by its preset, judged as `evaluate` judges.

Every agent on two sizes of our game with both networks, and on CartPole; the CPU seconds are those
of the whole training and judging, on one thread. Convolutions take long: they get one seed.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from typing import Any

import rockfall
from rockfall.registry import registry
from tests.benchmarks.report import Table, script

SIZES = (8, 16)


def actors() -> list[str]:
    """Every installed model that acts."""
    models = registry().models
    return [models.shown_name(e) for e in models if "acts" in e.spec.capabilities]


def trial(agent: str, source: str, seed: int, **settings: Any) -> tuple[dict[str, Any], float]:
    """The score's figure, and the CPU seconds it took."""
    with tempfile.TemporaryDirectory() as folder:
        before = time.process_time()
        run = rockfall.train(agent, source, seed=seed, out=folder, listeners=[], **settings)
        seconds = time.process_time() - before
        assert run.result is not None
        return run.result["figures"]["score"], seconds


def measure(options: argparse.Namespace) -> list[Table]:
    return [*(rocks(size, options.seeds) for size in SIZES), cartpole(options.seeds)]


def rocks(size: int, seeds: int) -> Table:
    rows = []
    for network in ("mlp", "conv"):
        for agent in actors():
            tried = [
                trial(agent, f"falling-rocks-{size}x{size}", seed, network=network)
                for seed in range(seeds if network == "mlp" else 1)
            ]
            scores, seconds = zip(*tried, strict=True)
            percents = " · ".join(f"{score['percent_of_oracle']:.1f}" for score in scores)
            times = statistics.mean(score["times_random"] for score in scores)
            rows.append([f"`{agent}`", network, percents, times, round(statistics.mean(seconds))])
    headers = ["agent", "network", "% of the oracle, by seed", "× random", "CPU s"]
    return Table(f"Falling rocks {size} × {size}: what every agent reaches", headers, rows)


def cartpole(seeds: int) -> Table:
    rows = []
    for agent in actors():
        tried = [trial(agent, "CartPole-v1", seed) for seed in range(seeds)]
        means = " · ".join(f"{score['value']:.0f}" for score, _ in tried)
        rows.append([f"`{agent}`", means, round(statistics.mean(s for _, s in tried))])
    headers = ["agent", "mean score of 100 episodes, by seed (500 is all)", "CPU s"]
    return Table("CartPole-v1: what every agent reaches", headers, rows)


if __name__ == "__main__":
    script(__doc__, measure, seeds=3)
