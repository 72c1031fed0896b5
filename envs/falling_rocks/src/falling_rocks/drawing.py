"""What a state looks like, row by row.

Every row of an observation is looked up in a table, which is faster than setting its cells, with
NumPy as with torch: no rock or one in any column for most rows, bowl and rock for the bottom one.
"""

from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import numpy as np

from falling_rocks.rules import NO_ROCK, Array, Rules, State


class Rows(NamedTuple):
    """The tables, arrays or tensors of the observation's dtype.

    Attributes:
        rock: the row of a rock, by its column - `NO_ROCK`; shape ``(size + 1, size)``.
        bottom: the bottom row, by `bottom_index`; shape ``(size * (size + 1), size)``.
    """

    rock: Array
    bottom: Array


def make_rows(rules: Rules) -> Rows:
    """The tables for an observation of ``rules``, in NumPy."""
    columns = np.arange(rules.size)
    rock = columns == np.arange(NO_ROCK, rules.size)[:, None]
    bowl = abs(columns - columns[:, None]) <= rules.reach
    # On the screen the bottom row shows both; of the planes, the last is the bowl's alone.
    in_front = rock if rules.observation == "screen" else np.zeros_like(rock)
    bottom = (bowl[:, None] | in_front).reshape(-1, rules.size)
    return Rows(rock.astype(rules.dtype), bottom.astype(rules.dtype))


def bottom_index(rules: Rules, state: State) -> Array:
    """The index in `Rows.bottom` of each game's bottom row."""
    return state.bowl * (rules.size + 1) + (state.rocks[-1] - NO_ROCK)


def draw(
    xp: ModuleType, take: Callable[[Array, Array], Array], rules: Rules, rows: Rows, state: State
) -> Array:
    """Draw the observation of one game or of a batch of them.

    Args:
        xp: ``numpy`` or ``torch``.
        take: ``take(table, index)`` gives rows of a table, of shape ``(*index.shape, size)``.
        rules: the parameters of the game.
        rows: the tables.
        state: the state to draw, scalars or arrays of shape ``(num_envs,)``.

    Returns:
        A fresh array of shape ``(…, *rules.observation_shape)``.
    """
    rocks = state.rocks
    if rules.observation == "planes":
        rocks += (state.bowl * 0 + NO_ROCK,) * rules.size
    observation = take(rows.rock, xp.stack(rocks, -1) - NO_ROCK)
    observation[..., -1, :] = take(rows.bottom, bottom_index(rules, state))
    return observation.reshape(*state.bowl.shape, *rules.observation_shape)
