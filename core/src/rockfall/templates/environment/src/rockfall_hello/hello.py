"""A walker on a line of cells, and a flag that it has to reach.

A step to the left or to the right costs 1, so that a return is minus the number of steps, as in the
gridworlds of Sutton and Barto. Walker and flag begin anywhere; at the end of the line a step leads
nowhere. An episode ends at the flag, or is truncated after 100 steps by the registration.
"""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

LEFT, RIGHT = 0, 1


class HelloEnv(gymnasium.Env[NDArray[np.float32], np.int64]):
    """Observations are the cells of the walker and of the flag, (2,), from 0 to `size` - 1."""

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 5}  # noqa: RUF012

    def __init__(self, size: int = 10, render_mode: str | None = None) -> None:
        if size < 2:
            raise ValueError(f"size={size}: walker and flag need at least 2 cells")
        self.size = size
        self.render_mode = render_mode
        self.observation_space = spaces.Box(0, size - 1, (2,), np.float32)
        self.action_space = spaces.Discrete(2)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        self.walker, self.flag = map(int, self.np_random.choice(self.size, 2, replace=False))
        return self.observation, {}

    def step(
        self, action: np.int64
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        move = 1 if action == RIGHT else -1
        self.walker = min(max(self.walker + move, 0), self.size - 1)
        return self.observation, -1.0, self.walker == self.flag, False, {}

    @property
    def observation(self) -> NDArray[np.float32]:
        return np.array([self.walker, self.flag], np.float32)

    def render(self) -> Any:
        """The line as text, in render mode `ansi`: `...x...P..`."""
        if self.render_mode != "ansi":
            return None
        line = ["."] * self.size
        line[self.flag], line[self.walker] = "P", "x"
        return "".join(line)


def oracle(env: Any) -> Callable[[NDArray[Any]], NDArray[np.int64]]:
    """The best policy, a baseline: observations (N, 2) → the actions towards the flag, (N,)."""
    return lambda seen: np.where(seen[:, 1] > seen[:, 0], RIGHT, LEFT)
