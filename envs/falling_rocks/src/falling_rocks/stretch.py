"""Several steps of many games in torch, of which all but the bowl is known before the first."""

from itertools import count
from math import prod
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from falling_rocks.drawing import bottom_index, make_row_tables
from falling_rocks.rules import NO_ROCK, NUM_ACTIONS, STAY, Rules, State, advance, start

Step = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]

WORDS = (torch.int64, torch.int32, torch.int16, torch.uint8)


class Tables(NamedTuple):
    """The rules as tables, so that a step takes a few operations, each a launch on a GPU.

    A screen has `rows` more rows than are seen, below the others: they end with the reward, 4 bytes
    of float32, and the bowl's column, 4 of int32, so that one look into a table finds them with the
    bottom row.

    Attributes:
        rock: the row of a rock, by its column - `NO_ROCK`; shape ``(size + 1, words)``.
        step: the bottom row and the rows below it after a step, by bowl, action and rock that
            lands; shape ``(size * 3 * (size + 1), (1 + rows) * words)``.
        rows: how many rows are below the others.
    """

    rock: Tensor
    step: Tensor
    rows: int


def make_tables(rules: Rules, device: torch.device) -> Tables:
    """The tables for ``rules``, from the rules themselves, on ``device``."""
    rows = make_row_tables(rules)
    # Rows are looked up in the widest words that they consist of, since a GPU has a thread a word.
    row_bytes = rows.rock[0].nbytes
    word = next(word for word in WORDS if row_bytes % word.itemsize == 0)
    below = _rows_below(rules, row_bytes)

    bowl, action, landing = _combinations(rules.size, NUM_ACTIONS, rules.size + 1)
    no_rock = np.full_like(bowl, NO_ROCK)
    above = (*(no_rock,) * (rules.size - 2), landing + NO_ROCK, no_rock)
    after, reward = advance(rules, State(above, bowl), action, no_rock)

    step = np.zeros((len(bowl), (1 + below) * row_bytes), np.uint8)
    step[:, :row_bytes] = rows.bottom[bottom_index(rules, after)].view(np.uint8)
    step[:, -8:-4] = reward.astype(np.float32)[:, None].view(np.uint8)
    step[:, -4:] = after.bowl.astype(np.int32)[:, None].view(np.uint8)
    rock, found = (torch.from_numpy(table).view(word) for table in (rows.rock, step))
    return Tables(rock.to(device), found.to(device), below)


def _rows_below(rules: Rules, row_bytes: int) -> int:
    """The fewest that hold 8 bytes and keep all screens' ends where numbers of 4 may be."""
    seen = prod(rules.observation_shape[:-1])
    enough = (n for n in count(1) if n * row_bytes >= 8 and (seen + n) * row_bytes % 8 == 0)
    return next(enough)


class Games(NamedTuple):
    """The state of many games, as a stretch takes and leaves it.

    Attributes:
        observation: the current one, shape ``(num_envs, *rules.observation_shape)``.
        tape: columns - `NO_ROCK` of the rocks from the bottom row to the top, in the order in which
            they appeared; int16, shape ``(size, num_envs)``.
        bowl: the columns of the bowls; int64, shape ``(num_envs,)``.
    """

    observation: Tensor
    tape: Tensor
    bowl: Tensor


class Stretch:
    """The next steps of many games, whose spawns are given and of which only the last may end them.

    Rocks fall whatever the bowl does. So all rocks of all steps are drawn at once, and what is left
    for a step is the bowl and its row. Nothing here waits for the device, or depends on anything
    but shapes, so that whole stretches can be recorded as CUDA graphs.

    Args:
        rules: the parameters of the games.
        tables: those of the rules.
        games: the state before the first step.
        spawns: columns or `NO_ROCK`, shape ``(steps, num_envs)``.
        restart: with which rock and bowl the games begin anew, in the last step, after their end;
            shape ``(2, num_envs)``. ``None`` where they go on.

    Attributes:
        observation: that after the latest step.
        ended: whether the latest step ended the games.
    """

    def __init__(
        self,
        rules: Rules,
        tables: Tables,
        games: Games,
        spawns: Tensor,
        restart: Tensor | None = None,
    ) -> None:
        self.observation = games.observation
        self.restart = restart
        self._rules, self._tables, self._bowl = rules, tables, games.bowl
        self.ended = False
        self._steps, self._time, self._bottom = len(spawns), 0, 0
        self._tape = torch.cat([games.tape, spawns.to(torch.int16) - NO_ROCK])
        self._screens = _falling(rules, tables, self._tape, len(spawns))
        self._no_end = torch.zeros(games.bowl.shape, dtype=torch.bool, device=games.bowl.device)

    def __len__(self) -> int:
        return self._steps

    @property
    def remaining(self) -> int:
        """Steps that are still to come."""
        return self._steps - self._time

    @property
    def games(self) -> Games:
        """The state after the latest step."""
        tape = self._tape[self._bottom : self._bottom + self._rules.size]
        return Games(self.observation, tape, self._bowl.long())

    def step(self, actions: Tensor) -> Step:
        """Play one step in every game; see `FallingRocksTensorEnv.step`."""
        tables, size = self._tables, self._rules.size
        screen = self._screens[self._time]
        self._time += 1
        self._bottom += 1
        landing = torch.add(self._tape[self._bottom], actions, alpha=size + 1)
        self.observation, reward, self._bowl = _look_up(
            self._rules, tables, screen, landing.add(self._bowl, alpha=NUM_ACTIONS * (size + 1))
        )
        final_obs = self.observation
        if self.remaining or self.restart is None:
            return self.observation, reward, self._no_end, self._no_end, final_obs
        self.ended = True
        self._bottom = 0
        self.observation, self._tape, self._bowl = begin(
            self._rules, tables, start(self._rules, *self.restart)
        )
        return self.observation, reward, self._no_end, ~self._no_end, final_obs


def begin(rules: Rules, tables: Tables, state: State) -> Games:
    """The games in a state of int16 tensors on the device, drawn."""
    tape = torch.stack(state.rocks[::-1]) - NO_ROCK
    bowl = state.bowl.long()
    # As after a step that leaves the bowl where it is.
    landing = tape[0] + STAY * (rules.size + 1)
    index = torch.add(landing, bowl, alpha=NUM_ACTIONS * (rules.size + 1))
    observation, _, _ = _look_up(rules, tables, _falling(rules, tables, tape, 1)[0], index)
    return Games(observation, tape, bowl)


def read(rules: Rules, games: Games) -> State:
    """Inverse of `begin`: int16 tensors of shape ``(num_envs,)``."""
    rocks = (games.tape + NO_ROCK).flip(0).unbind()
    return State(rocks, games.bowl.to(torch.int16))


def _falling(rules: Rules, tables: Tables, tape: Tensor, steps: int) -> Tensor:
    """The last screens of a tape, (steps, num_envs, words), without the bowl, and below them the
    rows for what a step finds.
    """
    first = len(tape) - rules.size + 1 - steps
    seen = [tape[first + row : first + row + steps] for row in reversed(range(rules.size))]
    rows = seen[: rules.seen_rows]
    of_the_bowl = rules.size if rules.observation == "planes" else 0
    empty = rules.size - rules.seen_rows + of_the_bowl + tables.rows
    rows += [torch.zeros_like(rows[0])] * empty
    grids = torch.stack(rows, -1)  # (steps, num_envs, rows)
    screens = tables.rock.index_select(0, grids.flatten().int())
    return screens.view(*grids.shape[:2], grids.shape[2] * tables.rock.shape[1])


def _look_up(
    rules: Rules, tables: Tables, screen: Tensor, index: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Put what `Tables.step` has at an index (num_envs,) into screens (num_envs, words): then they
    are observations, with reward and bowl, all of them views.
    """
    torch.index_select(tables.step, 0, index, out=screen[:, -tables.step.shape[1] :])
    seen = screen.shape[1] - tables.rows * tables.rock.shape[1]
    dtype: Any = getattr(torch, rules.dtype)
    observation = screen[:, :seen].view(dtype).view(len(screen), *rules.observation_shape)
    numbers = screen[:, -8 // screen.itemsize :]
    return observation, numbers.view(torch.float32)[:, 0], numbers.view(torch.int32)[:, 1]


def _combinations(*counts: int) -> tuple[np.ndarray, ...]:
    """Of each entry of a table that has so many along each axis, its place there; int16, as the
    rules compute.
    """
    return tuple(places.ravel().astype(np.int16) for places in np.indices(counts))
