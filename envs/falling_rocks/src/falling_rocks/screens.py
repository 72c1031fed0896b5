"""The observations of a batch of games in NumPy, updated in place instead of drawn each step.

All rocks of all games fall in one flat copy: shifted by one row, the bottom row of a game runs into
the top row of the next, but both are overwritten anyway. There are two buffers, used in turn, so
that the copy never overlaps itself and the previous step's observations stay intact.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from falling_rocks.drawing import bottom_index, draw, make_row_tables
from falling_rocks.rules import NO_ROCK, Array, Rules, State


class Screens:
    """Observations of ``num_envs`` games.

    Args:
        rules: the parameters of the game.
        num_envs: the number of games.
    """

    def __init__(self, rules: Rules, num_envs: int) -> None:
        self._rules = rules
        self._tables = make_row_tables(rules)
        shape = (num_envs, *rules.observation_shape)
        self._front: NDArray[Any] = np.zeros(shape, rules.dtype)
        self._back: NDArray[Any] = np.zeros(shape, rules.dtype)

    @property
    def observation(self) -> NDArray[Any]:
        """The current observations; overwritten by the second `fall` from now."""
        return self._front

    def draw(self, state: State) -> None:
        """Draw every row of every game."""
        self._front[:] = draw(np, take, self._rules, self._tables, state)

    def clear(self, mask: NDArray[np.bool_], state: State) -> None:
        """Draw the games of ``mask``, which have just started, in place."""
        self._front[mask] = 0
        self._draw_edges(state)

    def fall(self, state: State) -> None:
        """Let all rocks fall by a row; ``state`` is the state after the step."""
        size = self._rules.size
        self._back.reshape(-1)[size:] = self._front.reshape(-1)[:-size]
        self._front, self._back = self._back, self._front
        self._draw_edges(state)

    def _draw_edges(self, state: State) -> None:
        """Draw the rows that are no shifted copies: the top, and the bottom with the bowl."""
        size = self._rules.size
        screens = _row_items(self._front.reshape(len(self._front), -1, size))
        screens[:, 0] = _row_items(take(self._tables.rock, state.rocks[0] - NO_ROCK))
        if self._rules.observation == "planes":
            screens[:, size] = _row_items(self._tables.rock[0])
        screens[:, -1] = _row_items(take(self._tables.bottom, bottom_index(self._rules, state)))


def take(table: Array, index: Array) -> Array:
    """Look up rows of a table, shape ``(*index.shape, size)``."""
    return table.take(index, axis=0)


def _row_items(cells: NDArray[Any]) -> NDArray[np.void]:
    """View each row of cells as one item, which NumPy copies whole instead of cell by cell."""
    return cells.view(np.dtype((np.void, cells.shape[-1] * cells.itemsize)))[..., 0]
