"""Baseline policies: uniformly random, the best by what has been observed, and an upper bound.

Each is a factory that takes a vectorised environment and returns a policy, a function from
observations to actions of shape ``(num_envs,)``.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from falling_rocks.planning import plan
from falling_rocks.rules import NO_ROCK, NUM_ACTIONS, in_sight
from falling_rocks.vector import FallingRocksVectorEnv

Policy: TypeAlias = Callable[[NDArray[Any]], NDArray[np.int64]]


def random(env: FallingRocksVectorEnv, seed: int = 0) -> Policy:
    """Uniformly random actions, the same ones for the same ``seed``."""
    generator = np.random.default_rng(seed)
    return lambda _: generator.integers(NUM_ACTIONS, size=env.num_envs)


def oracle(env: FallingRocksVectorEnv) -> Policy:
    """Catch as many as possible of the rocks on the grid; see `plan`.

    Of those that are out of sight it knows the ones that it has seen, where it is asked in every
    step of an episode from its reset; see `Memory`.
    """
    memory = Memory(env)
    return lambda _: _plan(env, memory.recall())


def clairvoyant(env: FallingRocksVectorEnv) -> Policy:
    """Catch as many as possible of all rocks of the episode, future ones included.

    An upper bound: it reads `FallingRocksVectorEnv.upcoming_spawns`, which no observation shows.
    """

    def policy(_: NDArray[Any]) -> NDArray[np.int64]:
        lookahead = int((env.rules.steps - env.elapsed).max())
        return _plan(env, np.stack(env.state.rocks), lookahead)

    return policy


def episode_returns(env: FallingRocksVectorEnv, policy: Policy, seed: int) -> NDArray[np.float64]:
    """The undiscounted return of one episode in each of the games, shape ``(num_envs,)``."""
    observation, _ = env.reset(seed=seed)
    returns = np.zeros(env.num_envs)
    for _ in range(env.rules.steps):
        observation, reward, *_ = env.step(policy(observation))
        returns += reward
    return returns


class Memory:
    """The rocks of some games that are in sight, or were and have been remembered.

    It looks at nothing else. It remembers from one step to the next: what it has not been asked
    for in the step before, or was of an episode that has ended, it does not know.
    """

    def __init__(self, env: FallingRocksVectorEnv) -> None:
        self._env = env
        self._rocks = np.full((env.rules.size, env.num_envs), NO_ROCK, np.int16)
        self._elapsed = np.zeros(env.num_envs, np.int32)

    def recall(self) -> NDArray[np.int16]:
        """For each row the column of its rock or `NO_ROCK`, shape ``(size, num_envs)``."""
        rules, elapsed = self._env.rules, self._env.elapsed
        rocks = np.stack(in_sight(rules, self._env.state.rocks))
        if rules.seen_rows < rules.size:
            fallen = np.roll(self._rocks, 1, axis=0)
            remembered = np.where(elapsed == self._elapsed, self._rocks, NO_ROCK)
            remembered = np.where(elapsed == self._elapsed + 1, fallen, remembered)
            out_of_sight = slice(rules.seen_rows, None)
            rocks[out_of_sight] = np.where(elapsed > 0, remembered, NO_ROCK)[out_of_sight]
            self._rocks, self._elapsed = rocks, elapsed
        return rocks


def _plan(
    env: FallingRocksVectorEnv, rocks: NDArray[np.int16], lookahead: int = 0
) -> NDArray[np.int64]:
    """rocks: the known ones, by row, shape ``(size, num_envs)``."""
    # The rock in the bottom row has landed; the one above it lands next.
    landings = rocks[-2::-1]
    # A rock that appears in j steps lands size - 1 steps later.
    future = env.upcoming_spawns(max(0, lookahead - len(landings)))
    return plan(env.rules, env.state.bowl, (*landings, *future), env.rules.steps - env.elapsed)
