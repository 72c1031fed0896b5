"""The plain form as a Gymnasium environment."""

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_sb3

import drifting_rocks  # noqa: F401  (registers the ids)
from drifting_rocks.env import DriftingRocksEnv
from drifting_rocks.rules import THRUSTS

IDS = ["rockfall/DriftingRocks-v0", "rockfall/DriftingRocksDiscrete-v0"]
REST = floats = np.zeros(2, np.float32)
VARIANTS = [{}, {"rocks": 1}, {"actions": "discrete"}]


@pytest.mark.parametrize("env_id", IDS)
def test_gymnasium_has_nothing_to_object_to(env_id) -> None:
    check_env(gymnasium.make(env_id, rocks=3).unwrapped, skip_render_check=True)


@pytest.mark.parametrize("parameters", VARIANTS)
def test_stable_baselines3_has_nothing_to_object_to(parameters) -> None:
    check_env_sb3(DriftingRocksEnv(**parameters), skip_render_check=True)


def test_the_kinds_of_actions_have_ids_of_their_own() -> None:
    continuous, discrete = (gymnasium.make(env_id) for env_id in IDS)
    assert continuous.action_space == gymnasium.spaces.Box(-1, 1, (2,), np.float32)
    assert discrete.action_space == gymnasium.spaces.Discrete(9)


def test_an_episode_is_truncated_and_then_wants_a_reset() -> None:
    env = DriftingRocksEnv(steps=5, rock_speed=0.001)
    with pytest.raises(ResetNeeded, match="not started"):
        env.step(REST)
    env.reset(seed=0)
    assert [env.step(REST)[2:4] for _ in range(5)] == [(False, False)] * 4 + [(False, True)]
    with pytest.raises(ResetNeeded, match=r"the episode is over: call reset\(\)"):
        env.step(REST)
    env.reset()
    assert not env.step(REST)[3]


def test_a_hit_terminates_an_episode_that_then_wants_a_reset() -> None:
    env = DriftingRocksEnv(steps=1)
    env.reset(seed=0)
    env.set_state(env.state._replace(rocks=env.state.rocks * 0))
    assert env.step(REST)[1:4] == (0, True, False)  # in the last step too, it is no truncation
    with pytest.raises(ResetNeeded, match="is over"):
        env.step(REST)


@pytest.mark.parametrize(
    ("actions", "action", "message"),
    [
        ("continuous", [0.0, np.nan], "must be finite"),
        ("continuous", [0.0, np.inf], "must be finite"),
        ("continuous", [0.0, 0.0, 0.0], r"must have shape \(2,\), not \(3,\)"),
        ("continuous", 1, r"must have shape \(2,\), not \(\)"),
        ("discrete", -1, "must be from 0 to 8"),
        ("discrete", 9, "must be from 0 to 8"),
        ("discrete", 0.5, "must be from 0 to 8"),
        ("discrete", [1, 2], r"must have shape \(\), not \(2,\)"),
    ],
)
def test_a_wrong_action_is_refused_and_changes_nothing(actions, action, message) -> None:
    env = DriftingRocksEnv(actions=actions)
    observation, _ = env.reset(seed=0)
    with pytest.raises(ValueError, match=message):
        env.step(action)
    np.testing.assert_array_equal(env.observation, observation)
    assert env.elapsed == 0


def test_every_key_that_plays_is_an_action() -> None:
    env, discrete = DriftingRocksEnv(), DriftingRocksEnv(actions="discrete")
    keys, numbers = env.get_keys_to_action(), discrete.get_keys_to_action()
    assert keys.keys() == numbers.keys()
    assert len(keys) == 9
    expected = {(): (0, 0), ("a",): (-1, 0), ("d",): (1, 0), ("w",): (0, -1), ("s",): (0, 1)}
    for pressed, thrust in keys.items():
        assert thrust in env.action_space
        assert THRUSTS[numbers[pressed]] == tuple(thrust)
        assert tuple(thrust) == expected.get(pressed, tuple(thrust))
        assert tuple(thrust) == tuple(
            sum(expected[(key,)][axis] for key in pressed) for axis in (0, 1)
        )


def episode(seed: int) -> list[np.ndarray]:
    env = DriftingRocksEnv(rocks=1, rock_radius=0.01)
    first, _ = env.reset(seed=seed)
    return [first, *(env.step(np.float32([np.sin(step), 1]))[0] for step in range(20))]


def test_a_seed_decides_the_episode() -> None:
    np.testing.assert_array_equal(episode(3), episode(3))
    assert not np.array_equal(episode(3), episode(4))


def test_observations_are_the_callers_to_keep() -> None:
    env = DriftingRocksEnv()
    first, _ = env.reset(seed=0)
    kept = first.copy()
    first[:] = 7
    env.step(REST)
    second, _ = env.reset(seed=0)
    np.testing.assert_array_equal(second, kept)


def test_where_the_next_beacon_appears_is_uniform() -> None:
    env = DriftingRocksEnv(steps=10**6, rock_radius=0.001, rock_speed=1e-6)
    env.reset(seed=0)
    found = []
    for _ in range(600):
        env.set_state(env.state._replace(beacon=REST, velocity=REST))
        assert env.step(REST)[1] == 1
        found.append(env.state.beacon)
    found = np.array(found)
    assert (abs(found.mean(0)) < 4 / np.sqrt(3 * 600)).all()
    assert (abs(found.std(0) * np.sqrt(3) - 1) < 0.1).all()
