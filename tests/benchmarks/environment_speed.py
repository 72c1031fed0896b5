"""How fast the forms of Falling Rocks are, side by side in one run, on one thread.

    python tests/benchmarks/environment_speed.py [--seconds 0.5] [--json]

Speeds are environment steps a CPU second (`time.process_time`), the best of several rounds that
take turns, so that a busy machine slows all rows alike. The bound is the time that ``np.copyto``
takes for the bytes of one observation of the batch, all of which every step writes.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

import gymnasium
import numpy as np

import falling_rocks  # noqa: F401  (registers the ids)

ENV_ID = "rockfall/FallingRocks-16x16-v0"
ROUNDS = 5


@dataclass
class Row:
    """One line of the table: something timed, of which a call does ``num_envs`` steps."""

    name: str
    num_envs: int
    step: Callable[[], object]
    speed: float = 0.0

    def measure(self, seconds: float) -> None:
        """Run for ``seconds`` and keep the best speed so far, in steps a CPU second."""
        calls = 0
        begin = time.process_time()
        while (elapsed := time.process_time() - begin) < seconds:
            for _ in range(16):
                self.step()
            calls += 16
        self.speed = max(self.speed, calls * self.num_envs / elapsed)


def copying(num_envs: int) -> Row:
    """The bound: the bytes of the observation, copied between two arrays that take turns."""
    front, back = np.zeros((2, num_envs, 16, 16), np.uint8)
    pairs = cycle([(front, back), (back, front)])
    return Row("np.copyto of the observation", num_envs, lambda: np.copyto(*next(pairs)))


def stepping(name: str, env: gymnasium.vector.VectorEnv) -> Row:
    """An environment under random actions, drawn beforehand."""
    env.reset(seed=0)
    actions = cycle(np.random.default_rng(0).integers(3, size=(64, env.num_envs)))
    return Row(name, env.num_envs, lambda: env.step(next(actions)))


def tensors(num_envs: int) -> Row:
    """The tensor form on the CPU."""
    import torch

    from falling_rocks.tensor import FallingRocksTensorEnv

    torch.set_num_threads(1)
    env = FallingRocksTensorEnv(num_envs, size=16, seed=0)
    env.reset()
    actions = cycle(torch.randint(3, (64, num_envs)))
    return Row("tensor form, CPU", num_envs, lambda: env.step(next(actions)))


def batched(num_envs: int, **kwargs: object) -> gymnasium.vector.VectorEnv:
    """The batched form, or with ``vectorization_mode="sync"`` Gymnasium's over the plain one."""
    return gymnasium.make_vec(ENV_ID, num_envs, **kwargs)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.5, help="a row and round")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    args = parser.parse_args()

    rows = []
    for num_envs in (64, 16384):
        rows += [
            copying(num_envs),
            stepping("batched form, copy=False", batched(num_envs, copy=False)),
            stepping("batched form, copy=True", batched(num_envs)),
            tensors(num_envs),
        ]
    rows.append(stepping("SyncVectorEnv", batched(64, vectorization_mode="sync")))
    for _ in range(ROUNDS):
        for row in rows:
            row.measure(args.seconds)

    table = [
        {
            "name": row.name,
            "num_envs": row.num_envs,
            "steps_per_cpu_second": round(row.speed),
            "share_of_copy": row.speed / rows[0 if row.num_envs == 64 else 4].speed,
        }
        for row in rows
    ]
    if args.json:
        print(json.dumps(table, indent=2))
        return
    print(f"{ENV_ID}, uint8, steps a CPU second, best of {ROUNDS} rounds")
    for line in table:
        print(
            f"{line['name']:32}{line['num_envs']:7,} envs"
            f"{line['steps_per_cpu_second']:15,}{line['share_of_copy']:8.1%} of a copy"
        )


if __name__ == "__main__":
    main()
