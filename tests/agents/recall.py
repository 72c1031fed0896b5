"""An environment that can't be played without memory."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

RECALL = "tests/Recall-v0"
LENGTH = 5
"""Steps of an episode. The first observation is a cue; the last action should be the cue."""


class Recall(gymnasium.Env[np.ndarray, int]):
    """Only the last of the actions counts, and what it should be was seen at first alone."""

    observation_space = gymnasium.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, Any]:
        super().reset(seed=seed)
        self.cue, self.age = int(self.np_random.integers(2)), 0
        return self._observe(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, Any]:
        self.age += 1
        last = self.age == LENGTH
        return self._observe(), float(last and action == self.cue), last, False, {}

    def _observe(self) -> np.ndarray:
        cue = 0.0 if self.age else 2.0 * self.cue - 1
        return np.array([cue, self.age == LENGTH - 1], np.float32)


gymnasium.register(RECALL, Recall)
