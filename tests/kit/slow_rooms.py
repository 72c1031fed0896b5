"""Environments for tests of workers, in a module that other processes can import."""

from __future__ import annotations

import os
import time
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class Room(gymnasium.Env[Any, Any]):
    """What it draws, and how often it was reset; ends at random. May take its time, or fail."""

    observation_space = spaces.Box(-9, 9, (3,), np.float32)
    action_space = spaces.Discrete(3)

    def __init__(self, seconds: float = 0.0, fails: str = "") -> None:
        self.seconds, self.fails, self.resets = seconds, fails, 0

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.resets += 1
        self.last = -1
        return self.see(), {}

    def step(self, action: Any) -> Any:
        time.sleep(self.seconds)
        self.last = action
        draw = self.np_random.random()
        if self.resets > 2 and self.fails == "raises":
            raise KeyError("wheel")
        if self.resets > 2 and self.fails == "ends":
            os._exit(7)
        return self.see(), float(action) + draw, draw < 0.1, draw > 0.9, {}

    def see(self) -> Any:
        return np.array([self.np_random.random(), self.last, self.np_random.random()], np.float32)


gymnasium.register("RockfallRoom-v0", entry_point=Room)
