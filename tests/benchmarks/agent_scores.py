"""What every agent finally reaches: `rockfall train` by its preset, judged by `evaluate`.

Every agent, both networks, both small sizes; the mean over seeds, and the CPU seconds of the whole
training on one thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time

import rockfall
from rockfall.registry import registry
from tests.benchmarks.report import Table, script


def measure(options: argparse.Namespace) -> list[Table]:
    agents = options.agents.split(",") if options.agents else actors()
    rows = []
    for source in options.sources.split(","):
        for agent in agents:
            for network in options.networks.split(","):
                rows.append(
                    [source, f"`{agent}`", network, *trial(agent, source, network, options)]
                )
    headers = ["source", "agent", "network", "% of oracle, a seed", "× random", "CPU s"]
    return [Table("What every agent reaches", headers, rows)]


def actors() -> list[str]:
    """Every installed model that acts."""
    models = registry().models
    return [models.shown_name(e) for e in models if "acts" in e.spec.capabilities]


def trial(agent: str, source: str, network: str, seeds: int) -> list[object]:
    """Percent of the oracle by seed, mean × random, mean CPU seconds."""
    percents, times, seconds = [], [], []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            before = time.process_time()
            run = rockfall.train(
                agent, source, seed=seed, out=folder, listeners=[], network=network
            )
            seconds.append(time.process_time() - before)
            assert run.result is not None
            score = run.result["figures"]["score"]
        percents.append(score["percent_of_oracle"])
        times.append(score["times_random"])
    shown = ", ".join(f"{percent:.1f}" for percent in percents)
    return [shown, sum(times) / len(times), sum(seconds) / len(seconds)]


if __name__ == "__main__":
    script(
        __doc__,
        measure,
        seeds=1,
        agents="",
        networks="mlp,conv",
        sources="falling-rocks-8x8,falling-rocks-16x16",
    )
