"""The observation of a state, row by row.

Every row is looked up in a table, which is faster than setting its cells, with NumPy as with torch:
most rows hold no rock or one rock in some column, the bottom row a bowl and perhaps a rock.
"""

from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import numpy as np

from falling_rocks.rules import NO_ROCK, Array, Rules, State, in_sight


class RowTables(NamedTuple):
    """All rows that an observation may have; arrays or tensors of its dtype.

    Attributes:
        rock: the row of a rock, by its column - `NO_ROCK`; shape ``(size + 1, size)``.
        bottom: the bottom row, by `bottom_index`; shape ``(size * (size + 1), size)``.
    """

    rock: Array
    bottom: Array


def make_row_tables(rules: Rules) -> RowTables:
    """The tables for observations by ``rules``, NumPy arrays."""
    columns = np.arange(rules.size)
    rock = columns == np.arange(NO_ROCK, rules.size)[:, None]
    bowl = abs(columns - columns[:, None]) <= rules.bowl_half_width
    # On the screen the bottom row shows both; of the planes, the last is the bowl's alone.
    bottom_rock = rock if rules.observation == "screen" else np.zeros_like(rock)
    bottom = (bowl[:, None] | bottom_rock).reshape(-1, rules.size)
    return RowTables(rock.astype(rules.dtype), bottom.astype(rules.dtype))


def bottom_index(rules: Rules, state: State) -> Array:
    """The index in `RowTables.bottom` of each game's bottom row."""
    rock = state.rocks[-1] if rules.seen_rows == rules.size else NO_ROCK
    return state.bowl * (rules.size + 1) + (rock - NO_ROCK)


def draw(
    xp: ModuleType,
    take: Callable[[Array, Array], Array],
    rules: Rules,
    tables: RowTables,
    state: State,
) -> Array:
    """Draw the observation of one game or of a batch of them.

    Args:
        xp: ``numpy`` or ``torch``.
        take: ``take(table, index)`` gives rows of a table, of shape ``(*index.shape, size)``.
        rules: the parameters of the game.
        tables: those of the rules, in ``xp``.
        state: the state to draw, scalars or arrays of shape ``(num_envs,)``.

    Returns:
        A fresh array of shape ``(…, *rules.observation_shape)``, or with as many bytes in the last
        axis as the rows of the tables have.
    """
    rocks = in_sight(rules, state.rocks)
    if rules.observation == "planes":
        rocks += (state.bowl * 0 + NO_ROCK,) * rules.size
    observation = take(tables.rock, xp.stack(rocks, -1) - NO_ROCK)
    observation[..., -1, :] = take(tables.bottom, bottom_index(rules, state))
    return observation.reshape(*state.bowl.shape, *rules.observation_shape[:-1], -1)
