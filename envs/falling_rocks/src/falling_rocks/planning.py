"""The bowl's best path where the rocks' landings are known, by dynamic programming, in batches."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from falling_rocks.rules import LEFT, NO_ROCK, RIGHT, STAY, Rules

MOVES = {STAY: 0, LEFT: -1, RIGHT: 1}


def plan(
    rules: Rules,
    bowl: NDArray[np.integer],
    landings: Sequence[NDArray[np.integer]],
    remaining: NDArray[np.integer],
) -> NDArray[np.int64]:
    """Choose the first action of a path that catches as many of the rocks as can be caught.

    Dynamic programming, backwards from the last landing over the bowl's columns. Of the paths that
    catch as many, one that ends nearest the centre; of the actions that begin such a path, the one
    that comes nearest the centre, and if two do, to stay.

    Args:
        rules: the parameters of the game.
        bowl: the centres of the bowls, shape ``(num_envs,)``.
        landings: ``landings[j]`` is the column of the rock that lands after ``j + 1`` steps, or
            `NO_ROCK`; shape ``(num_envs,)``.
        remaining: steps until the episode ends; later landings do not count.

    Returns:
        Actions, shape ``(num_envs,)``.
    """
    size, num_envs = rules.size, len(bowl)
    # Twice the distance from the centre, which is an integer; a catch outweighs any distance.
    distance = abs(2 * np.arange(size) - (size - 1))
    catch = size
    dtype = np.min_scalar_type(-catch * (len(landings) + 1))
    columns = np.arange(size, dtype=dtype)[:, None]

    value = np.empty((size, num_envs), dtype)
    value[:] = -distance[:, None]
    for step in reversed(range(len(landings))):
        if step < len(landings) - 1:
            value = _best_neighbour(value)
        counts = (landings[step] > NO_ROCK) & (step < remaining)
        rock = np.where(counts, landings[step], -1 - rules.bowl_half_width).astype(dtype)
        value += (abs(columns - rock) <= rules.bowl_half_width) * dtype.type(catch)

    games = np.arange(num_envs)
    action_values = np.empty((len(MOVES), num_envs), np.int64)
    for action, move in MOVES.items():
        column = (bowl + move).clip(0, size - 1)
        action_values[action] = value[column, games].astype(np.int64) * size - distance[column]
    return np.asarray(action_values.argmax(axis=0))


def _best_neighbour(value: NDArray[np.signedinteger]) -> NDArray[np.signedinteger]:
    """For each column, the best value that one move leads to."""
    best = value.copy()
    np.maximum(best[1:], value[:-1], out=best[1:])
    np.maximum(best[:-1], value[1:], out=best[:-1])
    return best
