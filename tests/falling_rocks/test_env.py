"""The plain form as a Gymnasium environment."""

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_sb3

from falling_rocks.env import FallingRocksEnv

VARIANTS = [{}, {"observation": "planes"}, {"dtype": "float32"}, {"size": 3, "miss_penalty": True}]


@pytest.mark.parametrize("parameters", VARIANTS)
def test_gymnasium_has_nothing_to_object_to(parameters) -> None:
    check_env(
        gymnasium.make("rockfall/FallingRocks-v0", **parameters).unwrapped, skip_render_check=True
    )


# It advises on shapes and ranges that its own networks prefer; a small screen has others.
@pytest.mark.filterwarnings("ignore:Your observation  has an unconventional shape")
@pytest.mark.filterwarnings("ignore:It seems that your observation space  is an image")
@pytest.mark.filterwarnings("ignore:The minimal resolution for an image is 36x36")
@pytest.mark.parametrize("parameters", VARIANTS)
def test_stable_baselines3_has_nothing_to_object_to(parameters) -> None:
    check_env_sb3(FallingRocksEnv(**parameters), skip_render_check=True)


@pytest.mark.parametrize("size", [8, 16, 32])
def test_the_sizes_have_ids_of_their_own(size) -> None:
    env = gymnasium.make(f"rockfall/FallingRocks-{size}x{size}-v0")
    assert env.reset(seed=0)[0].shape == (size, size)


def test_an_episode_is_truncated_and_then_wants_a_reset() -> None:
    env = FallingRocksEnv(steps=5)
    with pytest.raises(ResetNeeded, match="not started"):
        env.step(0)
    env.reset(seed=0)
    assert [env.step(0)[3] for _ in range(5)] == [False] * 4 + [True]
    with pytest.raises(ResetNeeded, match=r"the episode is over: call reset\(\)"):
        env.step(0)
    env.reset()
    assert not env.step(0)[3]


@pytest.mark.parametrize("action", [-1, 3])
def test_a_wrong_action_is_refused_and_changes_nothing(action) -> None:
    env = FallingRocksEnv()
    observation, _ = env.reset(seed=0)
    with pytest.raises(ValueError, match=r"must be in Discrete\(3\)"):
        env.advance(action, -1)
    np.testing.assert_array_equal(env.observation, observation)


def test_every_key_that_plays_is_an_action() -> None:
    env = FallingRocksEnv()
    keys = env.get_keys_to_action()
    assert (keys["a",], keys["d",], keys[()]) == (1, 2, 0)
    assert all(action in env.action_space for action in keys.values())


def episode(seed: int) -> list[np.ndarray]:
    env = FallingRocksEnv()
    first, _ = env.reset(seed=seed)
    return [first, *(env.step(step % 3)[0] for step in range(64))]


def test_a_seed_decides_the_episode() -> None:
    np.testing.assert_array_equal(episode(3), episode(3))
    assert not np.array_equal(episode(3), episode(4))


def test_observations_are_the_callers_to_keep() -> None:
    env = FallingRocksEnv()
    first, _ = env.reset(seed=0)
    kept = first.copy()
    env.step(0)
    np.testing.assert_array_equal(first, kept)
