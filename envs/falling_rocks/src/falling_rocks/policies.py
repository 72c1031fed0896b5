"""Baseline policies: uniformly random, the best by what is observed, and an upper bound.

Each is a factory that takes a vectorised environment and returns a policy, a function from
observations to actions of shape ``(num_envs,)``.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from falling_rocks.planning import plan
from falling_rocks.rules import NUM_ACTIONS
from falling_rocks.vector import FallingRocksVectorEnv

Policy: TypeAlias = Callable[[NDArray[Any]], NDArray[np.int64]]


def random(env: FallingRocksVectorEnv, seed: int = 0) -> Policy:
    """Uniformly random actions, the same ones for the same ``seed``."""
    generator = np.random.default_rng(seed)
    return lambda _: generator.integers(NUM_ACTIONS, size=env.num_envs)


def oracle(env: FallingRocksVectorEnv) -> Policy:
    """Catch as many as possible of the rocks on the grid; see `plan`."""

    def policy(_: NDArray[Any]) -> NDArray[np.int64]:
        return _plan(env, lookahead=0)

    return policy


def clairvoyant(env: FallingRocksVectorEnv) -> Policy:
    """Catch as many as possible of all rocks of the episode, future ones included.

    An upper bound: it reads `FallingRocksVectorEnv.upcoming_spawns`, which no observation shows.
    """

    def policy(_: NDArray[Any]) -> NDArray[np.int64]:
        return _plan(env, lookahead=int((env.rules.steps - env.elapsed).max()))

    return policy


def episode_returns(env: FallingRocksVectorEnv, policy: Policy, seed: int) -> NDArray[np.float64]:
    """The undiscounted return of one episode in each of the games, shape ``(num_envs,)``."""
    observation, _ = env.reset(seed=seed)
    returns = np.zeros(env.num_envs)
    for _ in range(env.rules.steps):
        observation, reward, *_ = env.step(policy(observation))
        returns += reward
    return returns


def _plan(env: FallingRocksVectorEnv, lookahead: int) -> NDArray[np.int64]:
    # The rock in the bottom row has landed; the one above it lands next.
    visible = env.state.rocks[-2::-1]
    # A rock that appears in j steps lands size - 1 steps later.
    hidden = env.upcoming_spawns(max(0, lookahead - len(visible)))
    return plan(env.rules, env.state.bowl, (*visible, *hidden), env.rules.steps - env.elapsed)
