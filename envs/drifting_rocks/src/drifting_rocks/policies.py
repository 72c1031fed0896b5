"""Baseline policies: random, straight for the beacon, and a planner that tries what may come.

Each is a factory that takes a vectorised environment and returns a policy, a function from
observations to actions, ``(num_envs, 2)`` or, where these are discrete, ``(num_envs,)``.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drifting_rocks.planning import plan, steer
from drifting_rocks.rules import DIRECTIONS, THRUSTS, Rules
from drifting_rocks.vector import DriftingRocksVectorEnv

Policy: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]


def random(env: DriftingRocksVectorEnv, seed: int = 0) -> Policy:
    """Uniformly random actions, the same ones for the same ``seed``."""
    generator = np.random.default_rng(seed)
    if env.rules.actions == "discrete":
        return lambda _: generator.integers(len(THRUSTS), size=env.num_envs)
    return lambda _: generator.uniform(-1, 1, (env.num_envs, 2)).astype(np.float32)


def steering(env: DriftingRocksVectorEnv) -> Policy:
    """Straight for the beacon, whatever is in the way: as well as one does who sees no rocks."""
    return lambda _: _actions(env.rules, steer(env.rules, env.state))


def planner(env: DriftingRocksVectorEnv) -> Policy:
    """The thrust that looks best a few steps ahead; see `plan`. It knows what is observed."""
    return lambda _: _actions(env.rules, plan(env.rules, env.state))


def episode_returns(env: DriftingRocksVectorEnv, policy: Policy, seed: int) -> NDArray[np.float64]:
    """The undiscounted return of one episode in each of the games, shape ``(num_envs,)``."""
    observation, _ = env.reset(seed=seed)
    returns, running = np.zeros(env.num_envs), np.ones(env.num_envs, np.bool_)
    for _ in range(env.rules.steps):
        observation, reward, terminated, *_ = env.step(policy(observation))
        returns += reward * running
        running &= ~terminated
    return returns


def _actions(rules: Rules, thrust: NDArray[np.float32]) -> NDArray[Any]:
    """The actions that stand for thrusts ``(2, num_envs)``."""
    if rules.actions == "continuous":
        return np.ascontiguousarray(thrust.T)
    x, y = (np.array(DIRECTIONS).argsort()[axis.astype(np.int64) + 1] for axis in thrust)
    return np.asarray(y * len(DIRECTIONS) + x)
