"""The rules of Falling Rocks: one pure function, with the randomness outside.

Rocks fall down a grid of ``size`` x ``size`` cells, one row a step, and a bowl slides along the
bottom row to catch them. At most one rock appears a step, so a row never holds more than one and
the column of the rock in each row, with the bowl's centre, is the whole state.

`start` and `advance` use operators alone, no NumPy or torch function, so that the plain
environment (NumPy scalars), the vectorised one (arrays) and the tensor form (torch tensors on any
device) share one definition of the transitions and rewards.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

Array: TypeAlias = Any
"""A NumPy scalar, a NumPy array or a torch tensor: whatever the form computes with."""

Observation = Literal["screen", "planes"]
DType = Literal["uint8", "float32"]

NO_ROCK = -1
STAY, LEFT, RIGHT = range(3)
NUM_ACTIONS = 3
MAX_SIZE = 128


@dataclass(frozen=True)
class Rules:
    """The parameters of the game; the defaults are the 8 x 8 game.

    Args:
        size: rows and columns of the grid, 3 to 128.
        bowl_width: cells across the bowl, odd, at most ``size``.
        rock_probability: chance that a step brings a new rock, above 0 and at most 1.
        steps: length of an episode in steps, at least 1.
        miss_penalty: whether a rock that lands beside the bowl costs 1.
        observation: ``"screen"``, one array with rocks and bowl, or ``"planes"``, one for each.
        dtype: element type of the observation, ``"uint8"`` or ``"float32"``.
        visible: rows, from the top, whose rocks are observed; those below are out of sight, and
            have to be remembered. ``None`` for all; the bowl is always observed.

    Raises:
        ValueError: for a parameter outside its range, naming both.
    """

    size: int = 8
    bowl_width: int = 3
    rock_probability: float = 0.15
    steps: int = 64
    miss_penalty: bool = False
    observation: Observation = "screen"
    dtype: DType = "uint8"
    visible: int | None = None

    def __post_init__(self) -> None:
        for name in ("size", "bowl_width", "steps"):
            self._require(name, isinstance(getattr(self, name), int), "an integer")
        self._require("size", 3 <= self.size <= MAX_SIZE, f"from 3 to {MAX_SIZE}")
        self._require(
            "bowl_width",
            1 <= self.bowl_width <= self.size and self.bowl_width % 2 == 1,
            f"odd, from 1 to the size of the grid, {self.size}",
        )
        self._require(
            "rock_probability",
            isinstance(self.rock_probability, int | float) and 0 < self.rock_probability <= 1,
            "a number above 0, at most 1",
        )
        self._require("steps", self.steps >= 1, "at least 1")
        for name, allowed in (("observation", Observation), ("dtype", DType)):
            values = get_args(allowed)
            self._require(name, getattr(self, name) in values, f"one of {values}")
        self._require(
            "visible",
            self.visible is None or (type(self.visible) is int and 1 <= self.visible <= self.size),
            f"an integer from 1 to the rows of the grid, {self.size}",
        )

    @property
    def bowl_half_width(self) -> int:
        """The columns of the bowl on either side of its centre."""
        return (self.bowl_width - 1) // 2

    @property
    def seen_rows(self) -> int:
        """The rows, from the top, whose rocks are observed."""
        return self.size if self.visible is None else self.visible

    @property
    def observation_shape(self) -> tuple[int, ...]:
        """``(size, size)`` for the screen, ``(2, size, size)`` for the planes (rocks, bowl)."""
        grid = (self.size, self.size)
        return grid if self.observation == "screen" else (2, *grid)

    def _require(self, name: str, holds: bool, allowed: str) -> None:
        if not holds:
            value = getattr(self, name)
            raise ValueError(f"{name}={value!r} is not allowed: it must be {allowed}")


class State(NamedTuple):
    """The state of one game, or of a batch of them.

    Attributes:
        rocks: for each row, from the top, the column of its rock or `NO_ROCK`; ``size`` integers
            or ``size`` arrays of shape ``(num_envs,)``.
        bowl: the column of the bowl's centre; an integer or an array of shape ``(num_envs,)``.
    """

    rocks: tuple[Array, ...]
    bowl: Array


def start(rules: Rules, rock: Array, bowl: Array) -> State:
    """The state at reset: one rock in the top row at column ``rock``, and the bowl."""
    no_rock = rock * 0 + NO_ROCK
    return State((rock, *(no_rock,) * (rules.size - 1)), bowl)


def advance(rules: Rules, state: State, action: Array, spawn: Array) -> tuple[State, Array]:
    """Play one step.

    Args:
        rules: the parameters of the game.
        state: the state before the step; it is not changed.
        action: `STAY`, `LEFT` or `RIGHT`; a signed integer type, as `State.bowl`.
        spawn: the column at which a rock appears in the top row, or `NO_ROCK`.

    Returns:
        The state after the step, and its reward, a float: 1 for a catch, with ``miss_penalty``
        -1 for a miss, and otherwise 0.
    """
    # Every rock falls one row: the bottom one leaves the grid, the new one enters at the top.
    rocks = (spawn, *state.rocks[:-1])
    bowl = move(rules, state.bowl, action)
    landed, caught = land(rules, rocks[-1], bowl)
    return State(rocks, bowl), score(rules, landed * 1.0, caught * 1.0)


def move(rules: Rules, bowl: Array, action: Array) -> Array:
    """The centre of the bowl after a step. It stays on the grid, so that half of the bowl may hang
    over the edge."""
    # The two bits of the action are "right" and "left".
    return (bowl + ((action >> 1) - (action & 1))).clip(0, rules.size - 1)


def land(rules: Rules, rock: Array, bowl: Array) -> tuple[Array, Array]:
    """Whether there is a rock in the bottom row, and whether it is caught: two booleans."""
    landed = rock > NO_ROCK
    return landed, landed & (abs(rock - bowl) <= rules.bowl_half_width)


def in_sight(rules: Rules, rocks: tuple[Array, ...]) -> tuple[Array, ...]:
    """The rocks of each row, from the top, without those that are out of sight."""
    seen = rules.seen_rows
    return (*rocks[:seen], *(rock * 0 + NO_ROCK for rock in rocks[seen:]))


def score(rules: Rules, landed: Array, caught: Array) -> Array:
    """The reward of a step, of the type of ``caught``; both are 0 or 1."""
    return caught * 2 - landed if rules.miss_penalty else caught
