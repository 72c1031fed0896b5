"""Our agents beside stable-baselines3 itself: CPU seconds of the same trainings, in turns.

Theirs is called as its users do, `learn` on a `DummyVecEnv` of environments in a `Monitor`, with
the networks and settings of our default, on the same number of steps. Ours does the same updates:
tests hold that they are the same to the bit. Beside them it keeps its environments replayable, logs
every update, and can be stopped between any two. Both are timed with torch's fused Adam, as ours
have it, and theirs also with its own default, which is not fused.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import gymnasium

import rockfall
from rockfall.kit.optimizers import Adam
from rockfall.kit.randomness import seed_everything
from rockfall.registry import registry
from rockfall.sources.environment import Environment
from tests.agents.sb3_itself import itself
from tests.benchmarks.machine import Median
from tests.benchmarks.report import Table, script

STEPS = {"ppo": 4_096, "a2c": 4_096, "dqn": 1_024, "sac": 128, "td3": 128}
ROUNDS = 3
SETTINGS: dict[str, dict[str, Any]] = {
    "dqn": {"learning_starts": 256},
    "sac": {"learning_starts": 32},
    "td3": {"learning_starts": 32},
}
"""So that most of so few steps are learned from."""


def timed(call: Callable[[], object]) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun


def compare(agent: str, rounds: int) -> list[Any]:
    """A row: seconds of ours, of theirs with each Adam, and the ratios."""
    source_id = "Pendulum-v1" if agent in ("sac", "td3") else "CartPole-v1"
    source = rockfall.open_source(source_id)
    assert isinstance(source, Environment)
    kind = registry().models.find(agent).spec.load()
    config = kind.Config(steps=STEPS[agent], **SETTINGS.get(agent, {}))

    def env(index: int) -> gymnasium.Env[Any, Any]:
        made = gymnasium.make(source_id)
        made.reset(seed=index)
        return made

    def ours() -> None:
        model = kind(config, source.info)
        model.fit(source, rockfall.Run.unrecorded(model, source.info, device="cpu"))

    def theirs(**optimizer: Any) -> None:
        itself(agent, kind(config, source.info), env, **optimizer).learn(config.steps)

    def fused() -> None:
        theirs(optimizer_class=Adam, fused=True)

    seconds: list[list[float]] = [[], [], []]
    for number in range(rounds + 1):
        for kept, call in zip(seconds, (ours, fused, theirs), strict=True):
            seed_everything(number)
            if (taken := timed(call)) and number:  # the first round imports and warms up
                kept.append(taken)
    ratios = (
        Median([mine / other for mine, other in zip(seconds[0], others, strict=True)])
        for others in seconds[1:]
    )
    return [f"`{agent}`", source_id, *map(Median, seconds), *ratios]


def measure(options: argparse.Namespace) -> list[Table]:
    agents = options.only.split(",") if options.only else list(STEPS)
    rows = [compare(agent, options.rounds) for agent in agents]
    headers = ["agent", "on", "CPU s of ours", "of SB3", "of SB3, its Adam"]
    return [
        Table(
            "Our agents beside stable-baselines3",
            [*headers, "ours / SB3", "ours / SB3, its Adam"],
            rows,
            "Of the same updates, from the same weights.",
        )
    ]


if __name__ == "__main__":
    script(__doc__, measure, only="", rounds=ROUNDS)
