"""How fast the forms of Falling Rocks are, side by side in one run, on one thread.

Speeds are environment steps a CPU second (`time.process_time`), the best of several rounds that
take turns, so that a busy machine slows all rows alike. The bound is the time that ``np.copyto``
takes for the bytes of one observation of the batch, all of which a step writes that gives fresh
arrays. "Moving every cell" is the vectorised form as it was before its rows lay in a ring, which
the tests keep to compare the present one with.

With ``--device cuda`` the tensor form alone, by the wall clock: step by step, and in stretches of
steps that are recorded as CUDA graphs. There the bound is the copying of a stretch's observations.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, cycle
from typing import Any

import gymnasium
import numpy as np

import falling_rocks  # noqa: F401  (registers the ids)
from tests.benchmarks.report import Table, script
from tests.falling_rocks.shifting import ShiftingVectorEnv

VIEW = "vectorised, a view (`copy=False`)"
MOVING = {"copy": False, "size": 16}
ENV_ID = "rockfall/FallingRocks-16x16-v0"
ROUNDS = 5
ACTIONS = 8
"""Steps whose actions are drawn beforehand: few, since those of a policy come from the cache."""
STRETCH = 32
"""Steps that are recorded as one: half an episode, so that none ends within."""


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
    actions = cycle(np.random.default_rng(0).integers(3, size=(ACTIONS, env.num_envs)))
    return Row(name, env.num_envs, lambda: env.step(next(actions)))


def tensors(num_envs: int) -> Row:
    """The tensor form on the CPU."""
    import torch

    from falling_rocks.tensor import FallingRocksTensorEnv

    env = FallingRocksTensorEnv(num_envs, size=16, seed=0)
    env.reset()
    actions = cycle(torch.randint(3, (ACTIONS, num_envs)))
    return Row("tensor form, CPU", num_envs, lambda: env.step(next(actions)))


def ways_on(device: Any, num_envs: int) -> dict[str, Callable[[], object]]:
    """What takes `STRETCH` steps of the tensor form on a device, and what copies their bytes."""
    import torch

    from falling_rocks.tensor import FallingRocksTensorEnv
    from rockfall.kit.graphs import CapturedStep

    env = FallingRocksTensorEnv(num_envs, device, size=16, seed=0)
    env.reset()
    actions = torch.randint(3, (STRETCH, num_envs), device=device)
    front, back = torch.zeros(2, STRETCH, num_envs, 16, 16, dtype=torch.uint8, device=device)

    def step_by_step() -> None:
        for each in actions:
            env.step(each)

    def play(*drawn: torch.Tensor) -> tuple[torch.Tensor, ...]:
        played = env.play(*drawn)
        rewards = [played.step(each)[1] for each in actions]
        return (*played.games, torch.stack(rewards))

    recorded = CapturedStep(play, (), device)

    def in_a_stretch() -> None:
        *games, _ = recorded(*env.draw(STRETCH))
        env.go_on(STRETCH, *games)

    return {
        "copying the observations": lambda: front.copy_(back),
        "step by step": step_by_step,
        "recorded stretches": in_a_stretch,
    }


def on_device(options: argparse.Namespace) -> list[Table]:
    """The tensor form on a GPU."""
    import torch

    device, tables = torch.device(options.device), []
    for num_envs in (256, 4_096, 65_536):
        ways = ways_on(device, num_envs)
        speeds = [_wall_speed(way, STRETCH * num_envs, options) for way in ways.values()]
        cells = [
            [name, speed / 1e6, f"{speed / speeds[0]:.0%}"]
            for name, speed in zip(ways, speeds, strict=True)
        ]
        tables.append(
            Table(
                f"Falling rocks 16 × 16, tensor form on {device}, {num_envs:,} environments",
                ["how", "million steps a second", "share of the copy bound"],
                cells,
            )
        )
    return tables


def _wall_speed(way: Callable[[], object], steps: int, options: argparse.Namespace) -> float:
    """Steps a second, the best of some rounds, with the device waited for at their ends."""
    import torch

    wait = torch.cuda.synchronize if options.device.startswith("cuda") else lambda: None
    best = 0.0
    for _ in range(10):  # what is compiled or recorded is by then
        way()
    for _ in range(ROUNDS):
        wait()
        calls, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < options.seconds:
            for _ in range(8):
                way()
            calls += 8
            wait()
        best = max(best, calls * steps / (time.perf_counter() - begin))
    return best


def batched(num_envs: int, **kwargs: object) -> gymnasium.vector.VectorEnv:
    """The batched form, or with ``vectorization_mode="sync"`` Gymnasium's over the plain one."""
    return gymnasium.make_vec(ENV_ID, num_envs, **kwargs)


def measure(options: argparse.Namespace) -> list[Table]:
    if options.device:
        return on_device(options)
    rows, tables = [], []
    for num_envs in (64, 16_384):
        rows.append(
            [
                copying(num_envs),
                stepping(VIEW, batched(num_envs, copy=False)),
                stepping("vectorised, fresh arrays (the default)", batched(num_envs)),
                stepping("moving every cell, a buffer", ShiftingVectorEnv(num_envs, **MOVING)),
                stepping("moving every cell, fresh arrays", ShiftingVectorEnv(num_envs, size=16)),
                tensors(num_envs),
            ]
        )
    rows[0].append(stepping("`SyncVectorEnv`, plain form", batched(64, vectorization_mode="sync")))
    for _ in range(ROUNDS):
        for row in chain(*rows):
            row.measure(options.seconds)
    for group in rows:
        bound = group[0].speed
        _, view, fresh, moving, moving_fresh, *_ = (row.speed for row in group)
        cells = [[r.name, r.speed / 1e6, f"{r.speed / bound:.0%}"] for r in group]
        note = (
            f"In this run the view gives {view / moving:.1f} ×, and the default "
            f"{fresh / moving_fresh:.1f} ×, the steps of moving every cell."
        )
        tables.append(
            Table(
                f"Falling rocks 16 × 16, uint8, {group[0].num_envs:,} environments",
                ["form", "million steps a CPU second", "share of the copy bound"],
                cells,
                note,
            )
        )
    return tables


if __name__ == "__main__":
    script(__doc__, measure, seconds=0.5, device="")
