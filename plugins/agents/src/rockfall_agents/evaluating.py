"""How well an agent plays while it still learns."""

from __future__ import annotations

from typing import Any

import numpy as np

import rockfall
from rockfall import Environment
from rockfall.kit.environments import ModelPolicy, episode_returns
from rockfall.kit.randomness import fork_rng

SALT = 0xE7A1
"""Tells the seeds of these episodes from those of training, and of `rockfall evaluate`."""


class Evaluations:
    """The score of the final policy, every so many environment steps, on the same episodes.

    They change nothing: what is drawn for them is drawn from generators of their own.
    """

    def __init__(
        self, model: Any, source: Environment, run: rockfall.Run, steps_an_update: int
    ) -> None:
        self.model, self.source, self.run = model, source, run
        self.steps_an_update = steps_an_update
        self.seed = int(np.random.SeedSequence((run.seed, SALT)).generate_state(1)[0])

    def metrics(self) -> dict[str, float]:
        """`evaluation_score`, the mean return, after an update with which it is due."""
        config, now = self.model.config, self.run.environment_steps
        every = config.evaluate_every
        if not every or now // every == (now - self.steps_an_update) // every:
            return {}
        with fork_rng(self.seed):
            returns = episode_returns(
                self.source,
                lambda _: ModelPolicy(self.model),
                config.evaluate_episodes,
                seed=self.seed,
                device=self.run.device,
            )
        return {"evaluation_score": returns.mean().item()}
