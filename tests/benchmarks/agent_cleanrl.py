"""CPU seconds to the same score: `pqn` and `reinforce` beside CleanRL's PQN and PPO.

`--cleanrl FOLDER` points at a checkout of https://github.com/vwxyzjn/cleanrl. Its `cleanrl/pqn.py`
and `cleanrl/ppo.py` run as they are, each in a process of its own, by their own settings, until
they have the score; for their command line they need `pip install tyro`, as nothing else here does.
The score is that of play while learning, the mean return of the last 100 episodes that ended; the
clock starts with the first step. One thread each.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import gymnasium
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import falling_rocks  # noqa: F401  (registers the ids)
import rockfall
from tests.benchmarks.judge import oracle
from tests.benchmarks.report import Table, script
from tests.benchmarks.time_to_skill import Curve, seconds_to

RECENT = 100
PAIRS = (("pqn", "pqn.py"), ("reinforce", "ppo.py"))
ROCKS = "falling-rocks-8x8"
STEPS = 500_000
"""Of CleanRL's, its default."""


class Recorded(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Notes what each episode returns, and at how many CPU seconds it ended; ends the process once
    the score is `goal`.
    """

    goal = float("inf")
    begun: float | None = None
    ended: list[tuple[float, float]] = []  # noqa: RUF012  (of all environments together)

    def reset(self, **given: Any) -> Any:
        self.total = 0.0
        return self.env.reset(**given)

    def step(self, action: Any) -> Any:
        if Recorded.begun is None:
            Recorded.begun = time.process_time()
        result = self.env.step(action)
        self.total += float(result[1])
        if result[2] or result[3]:
            self.ended.append((time.process_time() - Recorded.begun, self.total))
            recent = scores([score for _, score in self.ended[-RECENT:]])
            if recent and recent[0] >= self.goal:
                raise SystemExit
        return result


class SameStep(SyncVectorEnv):
    """As in the Gymnasium that CleanRL was written for: an episode begins in the step in which the
    one before ends."""

    def __init__(self, env_fns: Any, **given: Any) -> None:
        super().__init__(env_fns, autoreset_mode=AutoresetMode.SAME_STEP, **given)

    def step(self, actions: Any) -> Any:
        *result, infos = super().step(actions)
        infos.pop("final_info", None)  # of another form than it was
        return *result, infos


def scores(returns: list[float]) -> list[float]:
    """The mean of the last 100 returns, from the hundredth on."""
    last = range(RECENT, len(returns) + 1)
    return [sum(returns[i - RECENT : i]) / RECENT for i in last]


def theirs_here(path: str, kept: str, goal: float) -> None:
    """Run a script of CleanRL's in this process, with its arguments in `sys.argv`."""
    torch.set_num_threads(1)
    Recorded.goal = goal
    make = gymnasium.make

    def recorded(*given: Any, **named: Any) -> Any:
        env = make(*given, **named)
        if len(env.observation_space.shape or ()) > 1:  # their networks take vectors
            env = gymnasium.wrappers.FlattenObservation(env)
        return Recorded(env)

    gymnasium.make = recorded  # type: ignore[assignment]
    gymnasium.vector.SyncVectorEnv = SameStep  # type: ignore[misc]
    atexit.register(lambda: Path(kept).write_text(json.dumps(Recorded.ended)))
    runpy.run_path(path, run_name="__main__")


def theirs(folder: str, name: str, gymnasium_id: str, seed: int, goal: float) -> Curve:
    """The score by CPU seconds of one of CleanRL's, until it is `goal`."""
    path = Path(folder).resolve() / "cleanrl" / name
    if not path.exists():
        raise SystemExit(f"{path} is not there: --cleanrl takes a checkout of CleanRL")
    with tempfile.TemporaryDirectory() as scratch:
        kept = Path(scratch) / "ended.json"
        call = f"from tests.benchmarks.agent_cleanrl import theirs_here as t; t({str(path)!r}, "
        arguments = ["--env-id", gymnasium_id, "--seed", str(seed), "--total-timesteps", str(STEPS)]
        subprocess.run(
            [sys.executable, "-c", f"{call}{str(kept)!r}, {goal})", *arguments, "--no-cuda"],
            cwd=scratch,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        ended = json.loads(kept.read_text())
    recent = scores([score for _, score in ended])
    return list(zip((moment for moment, _ in ended[RECENT - 1 :]), recent, strict=True))


def ours(agent: str, source: str, seed: int) -> Curve:
    """The score by CPU seconds of one of ours."""
    curve: Curve = []
    begun = 0.0

    def keep(event: rockfall.Event) -> None:
        nonlocal begun
        if event.kind == "started":
            begun = time.process_time()
        score = event.data.get("metrics", {}).get("score")
        if event.kind == "progress" and score is not None:
            curve.append((time.process_time() - begun, score))

    with tempfile.TemporaryDirectory() as folder:
        rockfall.train(
            agent, source, seed=seed, device="cpu", threads=1, out=folder, listeners=[keep]
        )
    return curve


def measure(options: argparse.Namespace) -> list[Table]:
    tasks = (
        ("CartPole-v1", "CartPole-v1", 475.0),
        (ROCKS, "rockfall/FallingRocks-8x8-v0", 0.9 * oracle(ROCKS)),
    )
    rows = []
    for source, gymnasium_id, goal in tasks:
        for agent, name in PAIRS:
            for seed in range(options.seeds):
                pair = (
                    ours(agent, source, seed),
                    theirs(options.cleanrl, name, gymnasium_id, seed, goal),
                )
                reached = [seconds_to(curve, goal) for curve in pair]
                best = [max((score for _, score in curve), default=0.0) for curve in pair]
                cells = [
                    f"{seconds:.1f}"
                    if seconds is not None
                    else f"not in {curve[-1][0]:.0f} s, {top:.1f} at best"
                    for seconds, curve, top in zip(reached, pair, best, strict=True)
                ]
                rows.append([source, f"{goal:.3g}", f"`{agent}` and {name}", seed, *cells])
    headers = ["environment", "score", "agents", "seed", "ours: CPU s", "CleanRL's: CPU s"]
    return [Table("CPU seconds to the same score, beside CleanRL", headers, rows)]


if __name__ == "__main__":
    script(__doc__, measure, cleanrl="", seeds=1)
