"""The rules of Drifting Rocks: one pure function, with the randomness outside.

A craft with momentum flies from beacon to beacon among rocks that drift, on a torus: what leaves
at one edge enters at the opposite one. Nothing depends on where on the torus the craft is, so the
places of the beacon and of the rocks are kept as the craft sees them, and to fly is to subtract
its velocity from all of them.

`start` and `advance` use operators and ``any``, ``clip`` and ``round`` alone, no NumPy or torch
function, so that the plain environment (small NumPy arrays), the vectorised one (large ones) and
the tensor form (torch tensors on any device) share one definition of the game, bit by bit.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

Array: TypeAlias = Any
"""A NumPy array or a torch tensor of float32: whatever the form computes with."""

Actions = Literal["continuous", "discrete"]

SIDE = 2
"""Length of the torus along each axis: coordinates and differences go from -1 to 1."""
CRAFT_RADIUS, BEACON_RADIUS = 0.05, 0.15
CLEARANCE = 0.3
"""How far away along each axis, at least, the rocks are at the start."""
MAX_ROCKS = 32
LEAST = 1e-6
"""Of radius, speed, thrust and drag: enough to divide by in float32."""

DIRECTIONS = (0, -1, 1)
THRUSTS = tuple((x, y) for y in DIRECTIONS for x in DIRECTIONS)
"""The thrust (x, y) of each of the discrete actions; the first is none."""


@dataclass(frozen=True)
class Rules:
    """The parameters of the game.

    Args:
        rocks: how many rocks drift, 1 to 32.
        rock_radius: their radius, from 1e-6 to 0.25, where the torus is 2 wide.
        rock_speed: the most that a rock drifts along an axis in a step, from 1e-6 to 0.1.
        thrust: how much speed a step of full thrust gives along an axis, from 1e-6 to 0.1.
        drag: the share of its speed that the craft loses in a step, from 1e-6 to 1.
        steps: length of an episode in steps, at least 1.
        actions: ``"continuous"``, a thrust along each axis, or ``"discrete"``, one of `THRUSTS`.

    Raises:
        ValueError: for a parameter outside its range, naming both.
    """

    rocks: int = 4
    rock_radius: float = 0.1
    rock_speed: float = 0.02
    thrust: float = 0.01
    drag: float = 0.1
    steps: int = 256
    actions: Actions = "continuous"

    def __post_init__(self) -> None:
        for name, most in (("rocks", MAX_ROCKS), ("steps", None)):
            value = getattr(self, name)
            fits = type(value) is int and value >= 1 and (most is None or value <= most)
            self._require(name, fits, "an integer from 1" + (f" to {most}" if most else ""))
        for name, limit in (
            ("rock_radius", 0.25),
            ("rock_speed", 0.1),
            ("thrust", 0.1),
            ("drag", 1),
        ):
            value = getattr(self, name)
            fits = type(value) in (int, float) and LEAST <= value <= limit
            self._require(name, fits, f"a number from {LEAST} to {limit}")
        values = get_args(Actions)
        self._require("actions", self.actions in values, f"one of {values}")

    @property
    def top_speed(self) -> float:
        """The most that the craft flies along an axis in a step: there thrust and drag are even."""
        return self.thrust / self.drag

    @property
    def observation_size(self) -> int:
        """Numbers of an observation; see `observe`."""
        return 4 + 4 * self.rocks

    def _require(self, name: str, holds: bool, allowed: str) -> None:
        if not holds:
            value = getattr(self, name)
            raise ValueError(f"{name}={value!r} is not allowed: it must be {allowed}")


class State(NamedTuple):
    """The state of one game, or of a batch of them whose games are the last axis.

    Attributes:
        craft: where the craft is, ``(2, …)``; for pictures, since nothing depends on it.
        velocity: how far it flies in a step, ``(2, …)``.
        beacon: the way from the craft to the beacon, ``(2, …)``, the shortest on the torus.
        rocks: the ways to the rocks, ``(2, rocks, …)``.
        drift: how far each rock drifts in a step, ``(2, rocks, …)``.
    """

    craft: Array
    velocity: Array
    beacon: Array
    rocks: Array
    drift: Array


def start(rules: Rules, uniform: Array) -> State:
    """The state at reset: the craft at rest, with beacon, rocks and drifts drawn uniformly.

    Args:
        rules: the parameters of the game.
        uniform: numbers from 0 to 1, shape ``(2, draws(rules), …)``.
    """
    beacon, rocks, drift = (
        uniform[:, 0],
        uniform[:, 1 : 1 + rules.rocks],
        uniform[:, -rules.rocks :],
    )
    at_rest = beacon * 0
    return State(
        craft=at_rest,
        velocity=at_rest,
        beacon=beacon * SIDE - 1,
        rocks=wrap(rocks * (SIDE - 2 * CLEARANCE) + CLEARANCE),
        drift=(drift * 2 - 1) * rules.rock_speed,
    )


def draws(rules: Rules) -> int:
    """How many numbers an axis `start` takes."""
    return 1 + 2 * rules.rocks


def advance(rules: Rules, state: State, thrust: Array, beacon: Array) -> tuple[State, Array, Array]:
    """Play one step.

    Args:
        rules: the parameters of the game.
        state: the state before the step; it is not changed.
        thrust: from -1 to 1 along each axis, ``(2, …)``; more counts as 1.
        beacon: where the next beacon appears if this one is reached, as the craft sees it.

    Returns:
        The state after the step, whether the beacon was reached, which is worth a reward of 1, and
        whether a rock was hit, which ends the episode.
    """
    velocity = state.velocity * (1 - rules.drag) + thrust.clip(-1, 1) * rules.thrust
    rocks = wrap(state.rocks + (state.drift - velocity[:, None]))
    way = wrap(state.beacon - velocity)
    reached = within(way, CRAFT_RADIUS + BEACON_RADIUS)
    hit = within(rocks, CRAFT_RADIUS + rules.rock_radius).any(0)
    after = State(
        craft=wrap(state.craft + velocity),
        velocity=velocity,
        beacon=beacon * reached + way * ~reached,
        rocks=rocks,
        drift=state.drift,
    )
    return after, reached, hit


def observe(rules: Rules, state: State) -> tuple[Array, ...]:
    """What the agent sees, in parts of shape ``(n, …)`` with numbers from -1 to 1: velocity over
    top speed, the way to the beacon, along each axis the ways to the rocks, and along each axis
    their drifts over the most that there may be.
    """
    return (
        (state.velocity * (1 / rules.top_speed)).clip(-1, 1),
        state.beacon,
        *state.rocks,
        *(state.drift * (1 / rules.rock_speed)).clip(-1, 1),
    )


def wrap(place: Array) -> Array:
    """The same place on the torus, with coordinates from -1 to 1."""
    return place - (place * (1 / SIDE)).round() * SIDE


def within(way: Array, radius: float) -> Array:
    """Whether a way (2, …) is shorter than ``radius``; booleans (…)."""
    x, y = way
    return x * x + y * y < radius * radius
