"""Environments of any spaces, for whatever has to work with all of them."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from hypothesis import strategies as st

DTYPES = ("float32", "float64", "float16", "uint8", "int8", "uint16", "int32", "int64", "bool")


@st.composite
def boxes(draw: st.DrawFn, most_axes: int = 3) -> spaces.Box[Any]:
    """Of any rank and dtype; bounded, half bounded, unbounded, or each number in its own way."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = tuple(draw(st.lists(st.integers(1, 4), max_size=most_axes)))
    if dtype.kind == "b":
        return spaces.Box(0, 1, shape, np.bool_)
    least = 0 if dtype.kind == "u" else -5
    low = np.full(shape, float(draw(st.integers(least, 3))))
    high = low + draw(st.integers(1, 9))
    if dtype.kind == "f":
        unbounded = draw(st.sampled_from(["none", "low", "high", "both", "some"]))
        if unbounded in ("low", "both"):
            low = np.full(shape, -np.inf)
        if unbounded in ("high", "both"):
            high = np.full(shape, np.inf)
        if unbounded == "some":
            high = np.where(np.arange(high.size).reshape(shape) % 2, high, np.inf)
    return spaces.Box(low.astype(dtype), high.astype(dtype), shape, dtype.type)


def discretes() -> st.SearchStrategy[spaces.Discrete[Any]]:
    return st.builds(
        lambda n, start: spaces.Discrete(n, start=start), st.integers(1, 6), st.integers(-4, 4)
    )


@st.composite
def multi_discretes(draw: st.DrawFn) -> spaces.MultiDiscrete[Any]:
    shape = draw(st.sampled_from([(1,), (3,), (2, 2)]))
    size = int(np.prod(shape))
    sides = draw(st.lists(st.integers(1, 4), min_size=size, max_size=size))
    starts = draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size))
    return spaces.MultiDiscrete(
        np.reshape(sides, shape), start=np.reshape(starts, shape).astype(np.int64)
    )


def multi_binaries() -> st.SearchStrategy[spaces.MultiBinary]:
    return st.sampled_from([1, 3, (2, 2)]).map(spaces.MultiBinary)


def simple_spaces() -> st.SearchStrategy[spaces.Space[Any]]:
    return boxes() | discretes() | multi_discretes() | multi_binaries()


def observation_spaces() -> st.SearchStrategy[spaces.Space[Any]]:
    """Everything that is encoded, to some depth."""
    return st.recursive(
        simple_spaces(),
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3).map(spaces.Tuple)
            | st.lists(inner, min_size=1, max_size=3).map(
                lambda parts: spaces.Dict({f"p{9 - i}": part for i, part in enumerate(parts)})
            )
            | st.lists(inner, min_size=1, max_size=3).map(
                lambda parts: spaces.Dict([(f"p{9 - i}", part) for i, part in enumerate(parts)])
            )
        ),
        max_leaves=4,
    )


def action_spaces() -> st.SearchStrategy[spaces.Space[Any]]:
    """Everything that an agent can choose from."""
    return simple_spaces()


class AnySpaces(gymnasium.Env[Any, Any]):
    """Shows random elements of one space and takes those of another; `taken` are its actions.

    An episode ends after 3 to 8 steps. reuses: whether arrays that it shows are one memory.
    """

    def __init__(
        self, observed: spaces.Space[Any], acted: spaces.Space[Any], *, reuses: bool = False
    ) -> None:
        # Environments of one batch must not share a space's generator.
        self.observation_space, self.action_space = copy.deepcopy(observed), acted
        self.reuses = reuses
        self.memory: Any = None

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        self.left = int(self.np_random.integers(3, 9))
        self.taken: list[Any] = []
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self.action_space.shape == () and isinstance(self.action_space, spaces.Box):
            action = np.asarray(action)  # of which Gymnasium's vector environments make numbers
        assert self.action_space.contains(action), f"{action!r} is not of {self.action_space}"
        self.taken.append(action)
        self.left -= 1
        over = self.left == 0
        cut = over and bool(self.np_random.integers(2))
        return self._seen(), float(np.sum(action)), over and not cut, cut, {}

    def _seen(self) -> Any:
        seen = self.observation_space.sample()
        if not (self.reuses and isinstance(seen, np.ndarray)):
            return seen
        if self.memory is None:
            self.memory = seen
        self.memory[...] = seen
        return self.memory
