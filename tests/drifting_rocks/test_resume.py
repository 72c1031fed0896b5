"""A state that is saved and loaded continues bit for bit as if nothing had happened."""

import copy
import json

import numpy as np
import pytest
import torch

from drifting_rocks.env import DriftingRocksEnv
from drifting_rocks.tensor import DriftingRocksTensorEnv
from drifting_rocks.vector import DriftingRocksVectorEnv

FORMS = {
    "plain": DriftingRocksEnv,
    "vector": lambda **parameters: DriftingRocksVectorEnv(3, **parameters),
    "tensor": lambda **parameters: DriftingRocksTensorEnv(3, **parameters),
}
PARAMETERS = {"rocks": 4, "rock_radius": 0.2, "steps": 12}


def act(env, step: int):
    generator = np.random.default_rng(step)
    if env.rules.actions == "discrete":
        actions = generator.integers(9, size=3)
    else:
        actions = generator.uniform(-1, 1, (3, 2)).astype(np.float32)
    if isinstance(env, DriftingRocksEnv):
        return env.step(actions[0])
    is_tensor = isinstance(env, DriftingRocksTensorEnv)
    return env.step(torch.from_numpy(actions) if is_tensor else actions)


def play(env, steps: range) -> list[np.ndarray]:
    """Observations, rewards and ends; the plain form is reset where it ends."""
    seen = []
    for step in steps:
        observation, reward, terminated, truncated, _ = act(env, step)
        seen += [copy.deepcopy(part) for part in (observation, reward, terminated, truncated)]
        if isinstance(env, DriftingRocksEnv) and (terminated or truncated):
            seen.append(env.reset()[0])
    return seen


def assert_same(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(our, their)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("actions", ["continuous", "discrete"])
@pytest.mark.parametrize("played", [0, 7, 30])
def test_the_continuation_is_the_same(form, actions, played) -> None:
    env = FORMS[form](actions=actions, **PARAMETERS)
    env.reset(seed=3)
    play(env, range(played))
    observation = copy.deepcopy(env.observation)
    saved = copy.deepcopy(env.state_dict())
    expected = play(env, range(played, played + 60))

    loaded = FORMS[form](actions=actions, **PARAMETERS)
    loaded.load_state_dict(saved)
    np.testing.assert_array_equal(loaded.observation, observation)
    assert_same(play(loaded, range(played, played + 60)), expected)
    # What was loaded is not shared with the environment, which has gone on.
    env.load_state_dict(saved)
    assert_same(play(env, range(played, played + 60)), expected)


@pytest.mark.parametrize("form", FORMS)
def test_the_state_outlives_what_happens_after_it_was_saved(form) -> None:
    env = FORMS[form](**PARAMETERS)
    env.reset(seed=0)
    saved = env.state_dict()
    kept = copy.deepcopy(saved)
    play(env, range(30))
    assert str(saved) == str(kept)


def test_the_plain_state_is_json_and_knows_that_the_episode_is_over() -> None:
    env = DriftingRocksEnv(steps=1)
    env.reset(seed=0)
    env.step([0, 0])
    state = json.loads(json.dumps(env.state_dict()))
    assert state == env.state_dict()
    loaded = DriftingRocksEnv(steps=1)
    loaded.load_state_dict(state)
    np.testing.assert_array_equal(loaded.observation, env.observation)
    with pytest.raises(Exception, match="the episode is over"):
        loaded.step([0, 0])


@pytest.mark.parametrize("form", FORMS)
def test_the_state_of_another_game_is_refused(form) -> None:
    env, other = FORMS[form](rocks=5), FORMS[form](rocks=6)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="saved with rocks=5, but the environment has rocks=6"):
        other.load_state_dict(env.state_dict())


def test_the_state_of_another_number_of_games_is_refused() -> None:
    env = DriftingRocksVectorEnv(2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="num_envs=2, but the environment has num_envs=3"):
        DriftingRocksVectorEnv(3).load_state_dict(env.state_dict())


@pytest.mark.parametrize(("saved_by", "loaded_by"), [("vector", "tensor"), ("tensor", "vector")])
def test_games_go_on_in_the_other_form(saved_by, loaded_by) -> None:
    """As where a run comes to a machine without a GPU, or to one with. Only what is drawn next
    differs: until a beacon is reached or a game ends, nothing does."""
    env, other = (FORMS[form](rock_speed=0.001) for form in (saved_by, loaded_by))
    env.reset(seed=3)
    other.reset(seed=4)
    play(env, range(5))
    other.load_state_dict(copy.deepcopy(env.state_dict()))
    np.testing.assert_array_equal(other.observation, env.observation)
    np.testing.assert_array_equal(other.elapsed, env.elapsed)
    for step in range(5, 25):
        ours, theirs = act(env, step), act(other, step)
        assert not np.asarray(ours[1]).any() and not np.asarray(ours[2]).any()
        assert_same(ours[:4], theirs[:4])
    play(other, range(25, 300))
