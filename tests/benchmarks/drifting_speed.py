"""How fast the forms of Drifting Rocks are, side by side in one run, on one thread.

Speeds are environment steps a CPU second (`time.process_time`), the best of several rounds that
take turns, so that a busy machine slows all rows alike. The bound is the time that ``np.copyto``
takes for the bytes of one observation of the batch, all of which a step writes.
"""

import argparse
from collections.abc import Callable
from itertools import chain, cycle

import gymnasium
import numpy as np
import torch

import drifting_rocks  # noqa: F401  (registers the ids)
from drifting_rocks.tensor import DriftingRocksTensorEnv
from tests.benchmarks.environment_speed import ACTIONS, ROUNDS, Row
from tests.benchmarks.report import Table, script

IDS = {"continuous": "rockfall/DriftingRocks-v0", "discrete": "rockfall/DriftingRocksDiscrete-v0"}


def copying(num_envs: int) -> Row:
    """The bound: the bytes of the observation, copied between two arrays that take turns."""
    front, back = np.zeros((2, num_envs, 20), np.float32)
    pairs = cycle([(front, back), (back, front)])
    return Row("np.copyto of the observation", num_envs, lambda: np.copyto(*next(pairs)))


def stepping(kind: str, num_envs: int, form: str = "vector_entry_point") -> Row:
    """An environment under random actions, drawn beforehand."""
    env = gymnasium.make_vec(IDS[kind], num_envs, vectorization_mode=form)
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = cycle([env.action_space.sample() for _ in range(ACTIONS)])
    what = "vectorised form" if form == "vector_entry_point" else "`SyncVectorEnv`, plain form"
    return Row(f"{what}, {kind}", num_envs, lambda: env.step(next(actions)))


def tensors(num_envs: int) -> Row:
    """The tensor form on the CPU."""
    env = DriftingRocksTensorEnv(num_envs, seed=0)
    env.reset()
    actions = cycle(2 * torch.rand(ACTIONS, num_envs, 2) - 1)
    return Row("tensor form, CPU, continuous", num_envs, lambda: env.step(next(actions)))


ROWS: tuple[Callable[[int], Row], ...] = (
    copying,
    *(lambda num_envs, kind=kind: stepping(kind, num_envs) for kind in IDS),
    tensors,
)


def measure(options: argparse.Namespace) -> list[Table]:
    counts = (64, 1024, 16_384)
    groups = [[row(num_envs) for row in ROWS] for num_envs in counts]
    groups[0].append(stepping("continuous", 64, "sync"))
    for _ in range(ROUNDS):
        for row in chain(*groups):
            row.measure(options.seconds)
    return [
        Table(
            f"Drifting rocks, four rocks, {num_envs:,} environments",
            ["form", "million steps a CPU second", "share of the copy bound"],
            [[row.name, row.speed / 1e6, f"{row.speed / group[0].speed:.0%}"] for row in group],
        )
        for num_envs, group in zip(counts, groups, strict=True)
    ]


if __name__ == "__main__":
    script(__doc__, measure, seconds=0.3)
