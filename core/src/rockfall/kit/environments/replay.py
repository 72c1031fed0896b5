"""Exact resume for any environment: seed each episode, remember its actions, replay them."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from rockfall.errors import RockfallError


class EpisodeReplay(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Seeds every episode from (seed, environment index, episode) and can replay it.

    Few environments can hand out their inner state; every one can be reset with a seed and given
    the same actions again. That needs an environment that draws from its own generator alone,
    which is Gymnasium's rule; `load_state_dict` notices one that doesn't.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], *, seed: int, index: int) -> None:
        super().__init__(env)
        self.index = index
        self.restart(seed)

    def restart(self, seed: int | None) -> None:
        """Count episodes from 0 again, under another seed if one is given."""
        if seed is not None:
            self.seed = seed
        self.episode = -1
        self.actions: list[Any] = []
        self.last: Any = None

    def reset(self, **_: Any) -> tuple[Any, dict[str, Any]]:
        self.episode += 1
        self.actions = []
        sequence = np.random.SeedSequence((self.seed, self.index, self.episode))
        observation, info = self.env.reset(seed=int(sequence.generate_state(1)[0]))
        self.last = np.array(observation)  # the environment may write over its own
        return self.last, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        self.actions.append(action)
        observation, *rest = self.env.step(action)
        self.last = np.array(observation)
        return self.last, *rest

    def state_dict(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "episode": self.episode,
            # One array of arrays, as a checkpoint may hold thousands.
            "actions": np.stack(self.actions) if np.ndim(self.actions[:1]) > 1 else self.actions[:],
            "observation": np.array(self.last),
        }

    def load_state_dict(self, state: dict[str, Any]) -> Any:
        """Play the remembered episode up to where it was; returns the observation there.

        Raises RockfallError if the environment does not play the same episode again.
        """
        self.seed, self.episode = state["seed"], state["episode"] - 1
        self.reset()
        for action in state["actions"]:
            self.step(action)
        saved = np.asarray(state["observation"]).astype(np.asarray(self.last).dtype)
        if not np.array_equal(np.array(self.last), saved):
            raise RockfallError(
                f"{self.env.spec.id if self.env.spec else self.env} did not play the same episode "
                "again from its seed and actions, so the run can't go on exactly: start a new one"
            )
        return self.last
