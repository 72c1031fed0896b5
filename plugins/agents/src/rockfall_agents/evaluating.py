"""How well an agent plays while it still learns."""

from __future__ import annotations

from typing import Any

import rockfall
from rockfall import Environment
from rockfall.kit.environments import ModelPolicy, play_episodes
from rockfall.kit.randomness import fork_rng

SALT = 1
"""Tells these episodes from those of `rockfall evaluate`, whose salt is 0."""


class Evaluations:
    """The score of the final policy, every so many environment steps, on the same episodes.

    They change nothing: what is drawn for them is drawn from generators of their own.
    """

    def __init__(
        self, model: Any, source: Environment, run: rockfall.Run, steps_an_update: int
    ) -> None:
        self.model, self.source, self.run = model, source, run
        self.steps_an_update = steps_an_update

    def metrics(self) -> dict[str, float]:
        """`evaluation_score`, the mean return, after an update with which it is due."""
        config, now = self.model.config, self.run.environment_steps
        every = config.evaluate_every
        if not every or now // every == (now - self.steps_an_update) // every:
            return {}
        with fork_rng(self.run.seed):
            played = play_episodes(
                self.source,
                lambda _: ModelPolicy(self.model),
                config.evaluate_episodes,
                seed=self.run.seed,
                salt=SALT,
                device=self.run.device,
            )
        return {"evaluation_score": played.returns.mean().item()}

    def finish(self) -> None:
        """After the last update: end with the weights that evaluated best, if that is asked for and
        one evaluation was due.
        """
        if (
            self.model.config.keep_best
            and self.model.config.evaluate_every <= self.run.environment_steps
        ):
            self.run.load_weights("best")
