"""When and where new rocks appear: sampled in bulk, used step by step, exactly restorable."""

from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from falling_rocks.rules import Array, Rules

BULK = 2**16
"""Spawns sampled at once: enough to hide the cost of a call, few enough to stay in the cache."""
CHUNK = 2**14
"""Of those, the ones computed at once; even, since two come of a word."""


def slots(rules: Rules, uniform: Array) -> Array:
    """Turn uniform numbers in [0, 1) into reals in [0, size], to be rounded down.

    One uniform number decides both whether a rock appears and where: below ``rock_probability``,
    it is stretched over the grid's ``size`` slots; above, it is cut off at ``size``, which stands
    for no rock. With 24 random bits a number, a probability is exact to 2**-24.
    """
    return (uniform * (rules.size / rules.rock_probability)).clip(0, rules.size)


def columns(rules: Rules, slots: Array) -> Array:
    """The columns of integer ``slots``, counted from the right, so that no rock comes out as -1."""
    return (rules.size - 1) - slots


def column_type(rules: Rules) -> np.dtype[np.signedinteger[Any]]:
    """The smallest type that holds columns, `NO_ROCK`, their differences, and a step beyond."""
    return np.min_scalar_type(-rules.size - 1)


class SpawnStream:
    """An endless stream of spawns; those already sampled but not yet used can be saved.

    Args:
        num_envs: spawns a step.
        sample: ``sample(steps)`` gives columns or `NO_ROCK`, of shape ``(steps, num_envs)``.
        bulk: spawns sampled at once, at least those of one step.
    """

    def __init__(self, num_envs: int, sample: Callable[[int], Array], bulk: int = BULK) -> None:
        self._sample = sample
        self._bulk = max(1, min(256, bulk // num_envs))
        self._pending: deque[Array] = deque()

    def next(self) -> Array:
        """The spawns of the next step, shape ``(num_envs,)``."""
        if not self._pending:
            self._pending.extend(self._sample(self._bulk))
        return self._pending.popleft()

    def peek(self, steps: int) -> list[Array]:
        """The spawns of the next ``steps`` steps, which are still to come."""
        while len(self._pending) < steps:
            self._pending.extend(self._sample(self._bulk))
        return list(islice(self._pending, steps))

    def ahead(self, most: int) -> list[Array]:
        """The spawns of the next step and of those, ``most`` in all, that are sampled already."""
        self.peek(1)
        return self.peek(min(most, len(self._pending)))

    @property
    def pending(self) -> list[Array]:
        """The spawns sampled and not yet used, an array of shape ``(num_envs,)`` a step."""
        return list(self._pending)

    @pending.setter
    def pending(self, spawns: Iterable[Array]) -> None:
        self._pending = deque(spawns)


def sample_columns(
    rules: Rules, generator: np.random.Generator, steps: int, num_envs: int
) -> NDArray[np.signedinteger]:
    """Sample the spawns of ``steps`` steps in NumPy, shape ``(steps, num_envs)``."""
    # Raw words and in-place arithmetic: twice as fast as ``generator.random(dtype=np.float32)``,
    # which takes the same 24 bits. In chunks, whose memory stays in the cache.
    drawn = np.empty(steps * num_envs, column_type(rules))
    for begin in range(0, len(drawn), CHUNK):
        chunk = drawn[begin : begin + CHUNK]
        words = generator.bit_generator.random_raw((len(chunk) + 1) // 2)
        bits = words.view(np.uint32)[: len(chunk)]
        bits >>= 8
        uniform = bits.view(np.int32).astype(np.float32)  # signed ones are converted faster
        uniform *= 2**-24
        chunk[:] = columns(rules, slots(rules, uniform).astype(drawn.dtype))
    return drawn.reshape(steps, num_envs)
