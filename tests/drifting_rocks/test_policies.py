"""The baselines: the planner sees what is coming, and is better than simpler play."""

import numpy as np
import pytest

from drifting_rocks import policies
from drifting_rocks.rules import THRUSTS
from drifting_rocks.vector import DriftingRocksVectorEnv

KINDS = ["continuous", "discrete"]


def alone(env: DriftingRocksVectorEnv, beacon=(0.6, 0.0), rock=(0.9, 0.9), velocity=(0.0, 0.0)):
    """Put the one game where there is a beacon, and a rock that rests."""
    env.reset(seed=0)
    state = env.state
    for part, value in ((state.beacon, beacon), (state.velocity, velocity)):
        part[:] = np.array(value)[:, None]
    state.rocks[:] = np.array(rock)[:, None, None]
    state.drift[:] = 0
    return env.set_state(state)


def chosen(env: DriftingRocksVectorEnv) -> np.ndarray:
    """The thrust (2,) that the planner chooses."""
    action = policies.planner(env)(env.observation)[0]
    return np.array(THRUSTS[action]) if env.rules.actions == "discrete" else action


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("direction", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_with_nothing_in_the_way_it_flies_straight_to_the_beacon(kind, direction) -> None:
    env = DriftingRocksVectorEnv(1, actions=kind, rocks=1)
    alone(env, beacon=0.5 * np.array(direction))
    np.testing.assert_array_equal(chosen(env), direction)


@pytest.mark.parametrize("kind", KINDS)
def test_the_shortest_way_may_lead_across_an_edge(kind) -> None:
    env = DriftingRocksVectorEnv(1, actions=kind, rocks=1)
    alone(env, rock=(0.5, 0.9), beacon=(-0.5, 0))
    assert chosen(env)[0] == -1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", [0.2, 0.25, 0.3, 0.35])
def test_it_flies_round_a_rock_in_its_way_which_steering_alone_hits(kind, way) -> None:
    env = DriftingRocksVectorEnv(1, actions=kind, rocks=1)
    for policy, hits in ((policies.steering(env), True), (policies.planner(env), False)):
        alone(env, rock=(way, 0.0))
        steps = [env.step(policy(env.observation)) for _ in range(80)]
        assert any(terminated.any() for _, _, terminated, *_ in steps) == hits
        reached = any(reward.any() for _, reward, *_ in steps[:40])
        assert reached or hits  # the beacon behind it


@pytest.mark.parametrize("kind", KINDS)
def test_its_actions_are_of_the_action_space(kind) -> None:
    env = DriftingRocksVectorEnv(7, actions=kind)
    env.reset(seed=0)
    for policy in (policies.planner(env), policies.steering(env), policies.random(env, seed=1)):
        actions = policy(env.observation)
        assert actions in env.action_space
        before = env.state
        np.testing.assert_array_equal(env.state.rocks, before.rocks)
    same, other = (policies.random(env, seed)(env.observation) for seed in (1, 2))
    np.testing.assert_array_equal(policies.random(env, 1)(env.observation), same)
    assert (same != other).any()


def test_planning_changes_nothing_of_the_game() -> None:
    env, other = DriftingRocksVectorEnv(5), DriftingRocksVectorEnv(5)
    env.reset(seed=0)
    other.reset(seed=0)
    rest = np.zeros((5, 2), np.float32)
    policy = policies.planner(env)
    for _ in range(20):
        policy(env.observation)
        np.testing.assert_array_equal(env.step(rest)[0], other.step(rest)[0])


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_random_then_steering_then_the_planner(kind) -> None:
    env = DriftingRocksVectorEnv(64, actions=kind)
    players = (policies.random(env), policies.steering(env), policies.planner(env))
    random, steered, planned = (
        policies.episode_returns(env, player, seed=0).mean() for player in players
    )
    assert random < 1 < steered < 6 < 12 < planned


def test_returns_end_with_the_first_episode() -> None:
    env = DriftingRocksVectorEnv(3, rocks=1, steps=30)
    reset = env.reset

    def hit_one(**options):
        reset(**options)
        state = env.state
        state.rocks[:, :, 0] = 0
        state.beacon[:, 0] = 0
        return env.set_state(state), {}

    env.reset = hit_one
    returns = policies.episode_returns(env, policies.planner(env), seed=0)
    assert returns[0] == 1  # the beacon in the step of the hit, and no more
