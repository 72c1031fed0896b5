"""What ``source.workers`` brings: environment steps a second by the wall clock, in one run.

Environments whose step takes 5 ms, of waiting or of computing, and Atari's Pong as an agent meets
it, eight at once: in one process, and shared out. The best of several rounds that take turns. What
computes gains no more than there are idle cores, of which the sections' first line tells.
"""

import argparse
import time
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces

import rockfall
from rockfall.sources.environment import Environment
from tests.benchmarks.report import Table, script

ENVS = 8
ROUNDS = 3
MILLISECONDS = 5.0
NAMES = {
    "5 ms of waiting": "Slow-v0",
    "5 ms of computing": "Busy-v0",
    "ALE/Pong-v5, preprocessed": "ALE/Pong-v5",
}


class Slow(gymnasium.Env[Any, Any]):
    """A step takes its time, and nothing happens."""

    observation_space, action_space = spaces.Box(0, 1, (4,), np.float32), spaces.Discrete(2)

    def __init__(self, computes: bool = False) -> None:
        self.computes = computes

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return np.zeros(4, np.float32), {}

    def step(self, action: Any) -> Any:
        if self.computes:
            until = time.perf_counter() + MILLISECONDS / 1000
            while time.perf_counter() < until:
                pass
        else:
            time.sleep(MILLISECONDS / 1000)
        return np.zeros(4, np.float32), 1.0, False, False, {}


gymnasium.register("Slow-v0", entry_point=Slow)
gymnasium.register("Busy-v0", entry_point=Slow, kwargs={"computes": True})


def speed(batch: Any, actions: torch.Tensor, seconds: float) -> float:
    """Environment steps a second."""
    calls, began = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        batch.step(actions)
        calls += 1
    return calls * ENVS / elapsed


def measure(options: argparse.Namespace) -> list[Table]:
    rows = []
    for what, name in NAMES.items():
        batches = {}
        for workers in (1, 2, 4):
            source = rockfall.open_source(name, {"workers": workers})
            assert isinstance(source, Environment)
            batches[workers] = source.batch(ENVS, seed=0)
        actions = torch.zeros(ENVS).long()
        best = dict.fromkeys(batches, 0.0)
        for _ in range(ROUNDS):
            for workers, batch in batches.items():
                best[workers] = max(best[workers], speed(batch, actions, options.seconds))
        for batch in batches.values():
            batch.close()
        rows.append([what, *best.values(), f"{best[2] / best[1]:.2f} ×"])
    headers = ["a step", "one process", "2 workers", "4 workers", "2 workers ÷ one process"]
    return [Table(f"Workers: {ENVS} environments, steps a second", headers, rows)]


if __name__ == "__main__":
    script(__doc__, measure, seconds=1.5)
