"""Several steps of many games in torch, of which all but the bowl is known before the first."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from falling_rocks.drawing import make_row_tables
from falling_rocks.rules import NO_ROCK, NUM_ACTIONS, STAY, Rules, State, advance, start

Step = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]

WORDS = (torch.int64, torch.int32, torch.int16, torch.uint8)


class Tables(NamedTuple):
    """The rules as tables, so that a step takes a few operations, each a launch on a GPU.

    Attributes:
        rock: the row of a rock, by its column - `NO_ROCK`; shape ``(size + 1, words)``.
        bottom: the bottom row, by bowl and rock; shape ``(size * (size + 1), words)``.
        bowl: the bowl after a step, by bowl and action; int64, shape ``(size * 3,)``.
        reward: by bowl and landing rock; float32, shape ``(size * (size + 1),)``.
    """

    rock: Tensor
    bottom: Tensor
    bowl: Tensor
    reward: Tensor


def make_tables(rules: Rules, device: torch.device) -> Tables:
    """The tables for ``rules``, from the rules themselves, on ``device``."""
    rows = make_row_tables(rules)
    # Rows are looked up in the widest words that they consist of, since a GPU has a thread a word.
    row_bytes = rows.rock[0].nbytes
    word = next(word for word in WORDS if row_bytes % word.itemsize == 0)
    rock, bottom = (torch.from_numpy(table).view(word) for table in rows)

    bowl, action = _pairs(rules.size, NUM_ACTIONS)
    no_rock = np.full_like(bowl, NO_ROCK)
    after, _ = advance(rules, State((no_rock,) * rules.size, bowl), action, no_rock)

    bowl, landing = _pairs(rules.size, rules.size + 1)
    no_rock = np.full_like(bowl, NO_ROCK)
    above = (*(no_rock,) * (rules.size - 2), landing + NO_ROCK, no_rock)
    _, reward = advance(rules, State(above, bowl), np.full_like(bowl, STAY), no_rock)

    tables = Tables(
        rock,
        bottom,
        torch.from_numpy(after.bowl.astype(np.int64)),
        torch.from_numpy(reward.astype(np.float32)),
    )
    return Tables(*(table.to(device) for table in tables))


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
        return Games(self.observation, tape, self._bowl)

    def step(self, actions: Tensor) -> Step:
        """Play one step in every game; see `FallingRocksTensorEnv.step`."""
        tables, size = self._tables, self._rules.size
        screen = self._screens[self._time]
        self._time += 1
        self._bottom += 1
        move = torch.add(actions, self._bowl, alpha=NUM_ACTIONS)
        self._bowl = tables.bowl.index_select(0, move)
        landing = torch.add(self._tape[self._bottom], self._bowl, alpha=size + 1)
        reward = tables.reward.index_select(0, landing)
        self.observation = final_obs = _with_bowl(self._rules, tables, screen, landing)
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
    landing = torch.add(tape[0], bowl, alpha=rules.size + 1)
    screen = _falling(rules, tables, tape, 1)[0]
    return Games(_with_bowl(rules, tables, screen, landing), tape, bowl)


def read(rules: Rules, games: Games) -> State:
    """Inverse of `begin`: int16 tensors of shape ``(num_envs,)``."""
    rocks = (games.tape + NO_ROCK).flip(0).unbind()
    return State(rocks, games.bowl.to(torch.int16))


def _falling(rules: Rules, tables: Tables, tape: Tensor, steps: int) -> Tensor:
    """The last screens of a tape, (steps, num_envs, words), without the bowl."""
    first = len(tape) - rules.size + 1 - steps
    rows = [tape[first + row : first + row + steps] for row in reversed(range(rules.size))]
    if rules.observation == "planes":
        rows += [torch.zeros_like(rows[0])] * rules.size
    grids = torch.stack(rows, -1)  # (steps, num_envs, rows)
    screens = tables.rock.index_select(0, grids.flatten().int())
    return screens.view(*grids.shape[:2], grids.shape[2] * tables.rock.shape[1])


def _with_bowl(rules: Rules, tables: Tables, screen: Tensor, landing: Tensor) -> Tensor:
    """Put the bottom rows into screens (num_envs, words): then they are observations."""
    words = tables.bottom.shape[1]
    torch.index_select(tables.bottom, 0, landing, out=screen[:, -words:])
    dtype: Any = getattr(torch, rules.dtype)
    return screen.view(dtype).view(len(screen), *rules.observation_shape)


def _pairs(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of each entry of a table, flattened; int16, as the rules compute."""
    row, column = np.divmod(np.arange(rows * columns, dtype=np.int16), np.int16(columns))
    return row, column
