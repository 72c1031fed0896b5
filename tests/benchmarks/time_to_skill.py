"""CPU seconds to 95 % and 98 % of the oracle on 16 × 16: `pqn` and stable-baselines3's DQN.

Both learn in one run, on one thread, and are judged alike: 4,096 episodes with fixed seeds, outside
the clock. `pqn` is timed through the whole of `rockfall.train`, its checkpoints included; DQN
as its authors drive it, with 8 environments, lr 5e-4, γ 0.97 and otherwise the defaults.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

import falling_rocks  # noqa: F401  (registers the ids)
import rockfall
from rockfall.kit import checkpoint
from tests.benchmarks.judge import percent_of_oracle
from tests.benchmarks.report import Table, script

SOURCE = "falling-rocks-16x16"
SKILLS = (95.0, 98.0)
Curve = list[tuple[float, float]]
"""(CPU seconds, percent of the oracle) of a policy while it learns."""


def train_pqn(
    seed: int,
    *,
    device: str = "cpu",
    now: Callable[[], float] = time.process_time,
    every: float = 0.25,
    **settings: Any,
) -> Curve:
    """Learn, setting aside every checkpoint with the clock's reading; judge them afterwards.

    every: wall seconds between two checkpoints.
    """
    with tempfile.TemporaryDirectory() as folder:
        kept: list[tuple[float, Path]] = []
        begun = now()

        def keep(event: rockfall.Event) -> None:
            if event.kind == "checkpoint":
                path = Path(folder) / f"{len(kept)}.safetensors"
                path.write_bytes(Path(event.data["path"]).read_bytes())
                kept.append((now() - begun, path))

        run = rockfall.train(
            "pqn",
            SOURCE,
            seed=seed,
            device=device,
            out=folder,
            listeners=[keep],
            checkpoint_every=every,
            **settings,
        )
        curve = []
        for seconds, path in kept:
            run.model.load_state_dict(checkpoint.read(path)["model"])
            curve.append((seconds, percent_of_oracle(SOURCE, run.model.act, device)))
    return curve


class Judge(BaseCallback):
    """Judges every so many steps with the clock stopped, and ends at the first skill."""

    def __init__(self, every: int) -> None:
        super().__init__()
        self.every = every
        self.curve: Curve = []
        self.outside = 0.0

    def _on_step(self) -> bool:
        if self.n_calls % self.every:
            return True
        before = time.process_time()
        seconds = before - self.outside
        percent = percent_of_oracle(SOURCE, self._act)
        self.curve.append((seconds, percent))
        self.outside += time.process_time() - before
        return percent < SKILLS[0]

    def _act(self, observations: torch.Tensor) -> torch.Tensor:
        actions, _ = self.model.predict(observations.numpy(), deterministic=True)
        return torch.from_numpy(np.asarray(actions))


def train_dqn(seed: int, steps: int) -> Curve:
    """stable-baselines3's DQN by itself, until it reaches the first skill or `steps`."""
    env = make_vec_env("rockfall/FallingRocks-16x16-v0", n_envs=8, seed=seed)
    dqn = DQN("MlpPolicy", env, learning_rate=5e-4, gamma=0.97, seed=seed, device="cpu")
    judge = Judge(every=1250)
    judge.outside = time.process_time()
    dqn.learn(steps, callback=judge)
    env.close()
    return judge.curve


def seconds_to(curve: Curve, skill: float) -> float | None:
    """When a curve first reaches a skill."""
    return next((seconds for seconds, percent in curve if percent >= skill), None)


def measure(options: argparse.Namespace) -> list[Table]:
    rows: list[list[Any]] = []
    ratios = []
    for seed in range(options.seeds):
        ours = train_pqn(seed)
        theirs = train_dqn(seed, options.steps)
        for name, curve in (("`pqn`", ours), ("SB3 DQN", theirs)):
            reached = [seconds_to(curve, skill) for skill in SKILLS]
            cells = ["not reached" if s is None else s for s in reached]
            if name == "SB3 DQN":
                cells[1] = "not tried"
            rows.append([name, seed, *cells, f"{curve[-1][1]:.1f} % at {curve[-1][0]:.1f} s"])
        mine, other = seconds_to(ours, SKILLS[0]), seconds_to(theirs, SKILLS[0])
        if mine is not None:
            ratios.append((other or theirs[-1][0]) / mine)
    note = (
        f"To {SKILLS[0]:.0f} %, `pqn` needs {statistics.median(ratios):.1f} × fewer CPU seconds "
        f"than DQN (median; {', '.join(f'{ratio:.1f}' for ratio in ratios)})."
    )
    headers = ["agent", "seed", *(f"CPU s to {skill:.0f} %" for skill in SKILLS), "ends at"]
    return [Table("Time to skill on falling rocks 16 × 16", headers, rows, note)]


if __name__ == "__main__":
    script(__doc__, measure, seeds=3, steps=3_000_000)
