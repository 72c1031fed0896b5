"""The observations of a batch of games in NumPy, of which a step draws two rows and no more.

All rocks fall by a row in each step, so that only the row which enters at the top and the bottom
one, with the bowl, are new. What moves the others is where the two ways differ: `CopiedScreens`
moves them as bits, to be unpacked into a fresh array; `LentScreens` moves none, but the window
through which it lets them be seen.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from falling_rocks.drawing import RowTables, bottom_index, draw, make_row_tables
from falling_rocks.rules import NO_ROCK, Array, Rules, State
from falling_rocks.spawns import column_type

Cells = NDArray[Any]
Columns = NDArray[np.signedinteger]


class Screens(ABC):
    """The rocks of ``num_envs`` games, and their observations.

    The rocks lie on a tape, those of the top row first, and a window of ``size`` rows moves towards
    its beginning. There it jumps back to the end, with one copy for many steps.

    Args:
        rules: the parameters of the game.
        num_envs: the number of games.
    """

    def __init__(self, rules: Rules, num_envs: int) -> None:
        self.rules = rules
        self._length = 2 * rules.size
        self._hides = rules.seen_rows < rules.size
        self._top = self._length - rules.size
        self._tape = np.full((self._length, num_envs), NO_ROCK, column_type(rules))

    @property
    def rocks(self) -> Columns:
        """For each row the column of its rock, shape ``(size, num_envs)``; a view."""
        return self._tape[self._top : self._top + self.rules.size]

    def fall(self, spawns: Columns) -> Columns:
        """Let all rocks fall by a row; returns those that are then in the bottom one.

        Observations are wrong until `show_bowls`.
        """
        if self._top == 0:
            self._top = self._length - self.rules.size
            self._jump()
        self._tape[self._top - 1] = spawns
        self._top -= 1
        self._fall()
        landing: Columns = self.rocks[-1]
        return landing

    def draw(self, state: State) -> None:
        """Draw every row of every game."""
        self.rocks[:] = state.rocks
        self._draw(state)

    @property
    @abstractmethod
    def observation(self) -> Cells:
        """The current observations, shape ``(num_envs, *rules.observation_shape)``."""

    @abstractmethod
    def show_bowls(self, bowl: Columns) -> None:
        """Draw the bottom rows after `fall`."""

    @abstractmethod
    def _draw(self, state: State) -> None: ...

    @abstractmethod
    def _fall(self) -> None: ...

    def _jump(self) -> None:
        self._tape[self._top :] = self._tape[: self.rules.size]


class CopiedScreens(Screens):
    """Observations that are fresh arrays.

    A cell is a bit where rows are whole bytes. All rocks of all games fall in one flat copy:
    shifted by one row, the bottom row of a game runs into the top row of the next, but both are
    overwritten anyway. There are two buffers, used in turn, so that the copy never overlaps itself.
    """

    def __init__(self, rules: Rules, num_envs: int) -> None:
        super().__init__(rules, num_envs)
        self._packed = rules.size % 8 == 0
        tables = make_row_tables(rules)
        if self._packed:
            tables = RowTables(*(np.packbits(table != 0, axis=-1) for table in tables))
        self._tables = tables
        rows, row = rules.observation_shape[:-1], tables.rock[0]
        shape = (2, num_envs, int(np.prod(rows)), len(row))
        self._front, self._back = np.zeros(shape, row.dtype)

    @property
    def observation(self) -> Cells:
        cells = np.unpackbits(self._front) if self._packed else self._front.copy()
        shaped = cells.reshape(-1, *self.rules.observation_shape)
        return shaped.astype(self.rules.dtype, copy=False)

    def show_bowls(self, bowl: Columns) -> None:
        state = State((self.rocks[-1],), bowl.astype(np.int16))
        bottom = _items(self._tables.bottom)
        _items(self._front)[:, -1] = bottom.take(bottom_index(self.rules, state))

    def _draw(self, state: State) -> None:
        state = State(state.rocks, state.bowl.astype(np.int16))
        drawn = draw(np, take, self.rules, self._tables, state)
        self._front[:] = drawn.reshape(self._front.shape)

    def _fall(self) -> None:
        row = self._front.shape[-1]
        self._back.reshape(-1)[row:] = self._front.reshape(-1)[:-row]
        self._front, self._back = self._back, self._front
        rows, rock = _items(self._front), _items(self._tables.rock)
        rows[:, 0] = rock.take(self.rocks[0] - NO_ROCK)
        if self._hides:
            rows[:, self.rules.seen_rows] = rock[0]
        if self.rules.observation == "planes":
            rows[:, self.rules.size] = rock[0]


class LentScreens(Screens):
    """Observations that are a view, right until the next `fall` or `draw`.

    All rows lie as the rocks do, and are seen through the same window. The games are side by side,
    the cells of one column in successive bytes: a row is drawn by comparing whole arrays.
    """

    def __init__(self, rules: Rules, num_envs: int) -> None:
        super().__init__(rules, num_envs)
        size, planes = rules.size, 1 if rules.observation == "screen" else 2
        dtype = np.bool_ if rules.dtype == "uint8" else rules.dtype
        self._cells = np.zeros((planes, self._length, size, num_envs), dtype)
        self._columns = np.arange(size, dtype=self._tape.dtype)[:, None]
        self._distance = np.empty((size, num_envs), self._tape.dtype)
        self._is_bowl = np.empty((size, num_envs), np.bool_)

    @property
    def observation(self) -> Cells:
        window = self._window.view(self.rules.dtype).transpose(3, 0, 1, 2)
        return window[:, 0] if self.rules.observation == "screen" else window

    def show_bowls(self, bowl: Columns) -> None:
        # A cell is of the bowl if 0 ≤ bowl + half - column < width. Counted from the lowest number
        # there is, to which negative differences wrap around from above, that is one comparison.
        lowest = np.iinfo(bowl.dtype).min
        leftmost = bowl + bowl.dtype.type(lowest + self.rules.bowl_half_width)
        np.subtract(leftmost, self._columns, out=self._distance)
        np.less_equal(self._distance, lowest + self.rules.bowl_width - 1, out=self._is_bowl)
        bottom = self._window[-1, -1]
        np.logical_or(bottom, self._is_bowl, out=bottom)

    def _draw(self, state: State) -> None:
        self._window[:] = 0
        seen = self.rules.seen_rows
        for row, rocks in zip(self._window[0, :seen], self.rocks[:seen], strict=True):
            if (rocks > NO_ROCK).any():
                np.equal(rocks, self._columns, out=row)
        self.show_bowls(state.bowl)

    def _fall(self) -> None:
        np.equal(self.rocks[0], self._columns, out=self._window[0, 0])
        self._window[1:, 0] = 0
        if self._hides:
            self._window[0, self.rules.seen_rows] = 0

    def _jump(self) -> None:
        super()._jump()
        self._cells[:, self._top :] = self._cells[:, : self.rules.size]

    @property
    def _window(self) -> Cells:
        return self._cells[:, self._top : self._top + self.rules.size]


def take(table: Array, index: Array) -> Array:
    """Look up rows of a table, shape ``(*index.shape, size)``."""
    return table.take(index, axis=0)


def _items(cells: Cells) -> NDArray[np.void]:
    """View each row of cells as one item, which NumPy copies whole instead of cell by cell."""
    return cells.view(np.dtype((np.void, cells.shape[-1] * cells.itemsize)))[..., 0]
