"""CPU time of a step of Pong: our loop, the vector forms of others, and what learning adds.

All skip four frames, see 84 × 84 grey pixels and stack four screens, eight games at once. ALE's own
vector form is `ale_py.AtariVectorEnv`; envpool's is measured where envpool is installed. The bare
emulator takes four frames and draws nothing. Trainings are those of the presets, cut short.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import torch

import rockfall
from rockfall.kit.environments import register_id
from rockfall.sources.environment import Environment
from tests.benchmarks.machine import Median
from tests.benchmarks.report import Table, script

PONG = "ALE/Pong-v5"
GAMES, STEPS, ROUNDS = 8, 100, 5
TRAININGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("pqn", {"steps": 8_192}),
    ("dqn", {"steps": 2_048, "learning_starts": 0}),
)
Steps = Callable[[np.ndarray[Any, Any]], object]


def forms() -> dict[str, Steps]:
    """What steps all games at once, with actions (games,), by name."""
    source = rockfall.open_source(PONG)
    assert isinstance(source, Environment)
    batch = source.batch(GAMES, device="cpu", seed=0)
    same: dict[str, Any] = {"repeat_action_probability": 0.25}
    theirs = gymnasium.make_vec(
        PONG,
        num_envs=GAMES,
        vectorization_mode="vector_entry_point",
        num_threads=1,
        use_fire_reset=False,
        **same,
    )
    bare = [gymnasium.make(PONG, obs_type="ram", frameskip=4, **same) for _ in range(GAMES)]
    for env in (theirs, *bare):
        env.reset(seed=0)

    def emulate(actions: np.ndarray[Any, Any]) -> None:
        for env, action in zip(bare, actions, strict=True):
            env.step(action)

    found: dict[str, Steps] = {
        "our loop, resumed exactly": lambda actions: batch.step(torch.from_numpy(actions)),
        "ALE's vector form": theirs.step,
        "the bare emulator": emulate,
    }
    if importlib.util.find_spec("envpool"):
        import envpool

        pool = envpool.make(
            "Pong-v5", env_type="gymnasium", num_envs=GAMES, num_threads=1, seed=0, **same
        )
        pool.reset()
        found["envpool"] = lambda actions: pool.step(actions.astype(np.int32))
    return found


def measure(options: argparse.Namespace) -> list[Table]:
    warnings.simplefilter("ignore")
    if not register_id(PONG):
        sys.exit("pip install ale-py first")
    generator, taken = np.random.default_rng(0), forms()
    times: dict[str, list[float]] = {name: [] for name in taken}
    for _ in range(ROUNDS):
        actions = generator.integers(6, size=(STEPS, GAMES))
        for name, step in taken.items():
            begun = time.process_time()
            for row in actions:
                step(row)
            times[name].append((time.process_time() - begun) / actions.size * 1e6)
    rows: list[list[Any]] = [[name, Median(each)] for name, each in times.items()]
    rows += [[f"`{agent}`, all of it", learning(agent, config)] for agent, config in TRAININGS]
    return [Table("A step of Pong", ["by", "CPU µs a step of a game"], rows)]


def learning(agent: str, config: dict[str, Any]) -> float:
    """CPU microseconds an environment step of a training, from its first on."""
    begun: list[float] = []

    def notice(event: rockfall.Event) -> None:
        if event.kind in ("started", "evaluating"):
            begun.append(time.process_time())

    with tempfile.TemporaryDirectory() as folder:
        rockfall.train(
            agent,
            PONG,
            config=config,
            source_options={"evaluation_episodes": 1, "evaluation_steps": 10},
            device="cpu",
            threads=1,
            out=folder,
            listeners=[notice],
        )
    return (begun[1] - begun[0]) / config["steps"] * 1e6


if __name__ == "__main__":
    script(__doc__, measure)
