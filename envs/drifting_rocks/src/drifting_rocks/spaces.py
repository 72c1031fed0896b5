"""The Gymnasium spaces of the game, and the thrusts that actions stand for, in NumPy."""

from typing import Any, TypeAlias

import gymnasium
import numpy as np
from numpy.typing import ArrayLike, NDArray

from drifting_rocks.rules import THRUSTS, Rules

ActionSpace: TypeAlias = gymnasium.spaces.Box | gymnasium.spaces.Discrete

TABLE = np.array(THRUSTS, np.float32).T
"""The thrusts of the discrete actions, shape ``(2, 9)``."""


def observation_space(rules: Rules) -> gymnasium.spaces.Box:
    """The numbers of `drifting_rocks.rules.observe`, in a row."""
    return gymnasium.spaces.Box(-1, 1, (rules.observation_size,), np.float32)


def action_space(rules: Rules) -> ActionSpace:
    """Thrusts along x and y, or the number of one of `THRUSTS`."""
    if rules.actions == "discrete":
        return gymnasium.spaces.Discrete(len(THRUSTS))
    return gymnasium.spaces.Box(-1, 1, (2,), np.float32)


def thrusts(rules: Rules, actions: ArrayLike, games: tuple[int, ...] = ()) -> NDArray[np.float32]:
    """The thrusts ``(2, *games)`` of actions of the shape ``games``, or ``(*games, 2)``.

    Raises:
        ValueError: for actions of another shape, of a number that no thrust has, or not finite.
    """
    array: NDArray[Any] = np.asarray(actions)
    discrete = rules.actions == "discrete"
    shape = games if discrete else (*games, 2)
    if array.shape != shape:
        raise ValueError(f"actions must have shape {shape}, not {array.shape}")
    if not discrete:
        thrust = np.asarray(array.T, np.float32)
        if not np.isfinite(thrust).all():
            raise ValueError(f"actions must be finite numbers, not {array}")
        return thrust
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= len(THRUSTS):
        raise ValueError(f"actions must be from 0 to {len(THRUSTS) - 1}, not {array}")
    return np.asarray(TABLE[:, array])
