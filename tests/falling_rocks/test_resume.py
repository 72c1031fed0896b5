"""A state that is saved and loaded continues bit for bit as if nothing had happened."""

import copy
import json

import numpy as np
import pytest
import torch

from falling_rocks.env import FallingRocksEnv
from falling_rocks.tensor import FallingRocksTensorEnv
from falling_rocks.vector import FallingRocksVectorEnv

FORMS = {
    "plain": FallingRocksEnv,
    "vector": lambda **parameters: FallingRocksVectorEnv(3, **parameters),
    "tensor": lambda **parameters: FallingRocksTensorEnv(3, **parameters),
}


def act(env, step: int):
    actions = np.random.default_rng(step).integers(3, size=3)
    if isinstance(env, FallingRocksEnv):
        return env.step(actions[0])
    return env.step(
        torch.from_numpy(actions) if isinstance(env, FallingRocksTensorEnv) else actions
    )


def play(env, steps: range) -> list[np.ndarray]:
    """Observations, rewards and ends; the plain form is reset where it ends."""
    seen = []
    for step in steps:
        observation, reward, _, truncated, _ = act(env, step)
        seen += [copy.deepcopy(part) for part in (observation, reward, truncated)]
        if isinstance(env, FallingRocksEnv) and truncated:
            seen.append(env.reset()[0])
    return seen


def assert_same(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(our, their)


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("played", [0, 1, 9, 10, 25])
def test_the_continuation_is_the_same(form, played) -> None:
    env = FORMS[form](size=5, steps=10, rock_probability=0.5)
    env.reset(seed=3)
    play(env, range(played))
    observation = copy.deepcopy(env.observation)
    saved = copy.deepcopy(env.state_dict())
    expected = play(env, range(played, played + 300))

    loaded = FORMS[form](size=5, steps=10, rock_probability=0.5)
    loaded.load_state_dict(saved)
    np.testing.assert_array_equal(loaded.observation, observation)
    assert_same(play(loaded, range(played, played + 300)), expected)
    # What was loaded is not shared with the environment, which has gone on.
    env.load_state_dict(saved)
    assert_same(play(env, range(played, played + 300)), expected)


def test_the_state_outlives_what_happens_after_it_was_saved() -> None:
    for form in FORMS.values():
        env = form(steps=4)
        env.reset(seed=0)
        saved = env.state_dict()
        kept = copy.deepcopy(saved)
        play(env, range(10))
        assert str(saved) == str(kept)


def test_games_out_of_step_resume_too() -> None:
    env = FallingRocksVectorEnv(3, steps=10)
    env.reset(seed=0)
    play(env, range(4))
    env.reset(options={"reset_mask": np.array([True, False, False])})
    saved = copy.deepcopy(env.state_dict())
    expected = play(env, range(20))
    loaded = FallingRocksVectorEnv(3, steps=10)
    loaded.load_state_dict(saved)
    assert_same(play(loaded, range(20)), expected)


def test_a_deep_copy_is_independent() -> None:
    env = FallingRocksVectorEnv(3)
    env.reset(seed=0)
    twin = copy.deepcopy(env)
    expected = play(env, range(600))
    assert_same(play(twin, range(600)), expected)


def test_the_plain_state_is_json() -> None:
    env = FallingRocksEnv()
    env.reset(seed=0)
    state = env.state_dict()
    assert json.loads(json.dumps(state)) == state


@pytest.mark.parametrize("form", FORMS)
def test_the_state_of_another_game_is_refused(form) -> None:
    env = FORMS[form](size=5)
    env.reset(seed=0)
    other = FORMS[form](size=6)
    with pytest.raises(ValueError, match="saved with size=5, but the environment has size=6"):
        other.load_state_dict(env.state_dict())


def test_the_state_of_another_number_of_games_is_refused() -> None:
    env = FallingRocksVectorEnv(2)
    env.reset(seed=0)
    with pytest.raises(
        ValueError, match="saved with num_envs=2, but the environment has num_envs=3"
    ):
        FallingRocksVectorEnv(3).load_state_dict(env.state_dict())


@pytest.mark.parametrize(("saved_by", "loaded_by"), [("vector", "tensor"), ("tensor", "vector")])
def test_games_go_on_in_the_other_form(saved_by, loaded_by) -> None:
    """As where a run comes to a machine without a GPU, or to one with. Only what is drawn next
    differs: for as long as there are spawns that were drawn already, nothing does."""
    parameters = {"size": 5, "steps": 40, "rock_probability": 0.5}
    env, other = (FORMS[form](**parameters) for form in (saved_by, loaded_by))
    env.reset(seed=3)
    other.reset(seed=4)
    play(env, range(17))
    other.load_state_dict(copy.deepcopy(env.state_dict()))
    np.testing.assert_array_equal(other.observation, env.observation)
    for step in range(17, 40):
        ours, theirs = act(env, step), act(other, step)
        for part in range(4):
            if step < 39 or part:  # the last begins new games
                np.testing.assert_array_equal(ours[part], theirs[part])
    assert np.asarray(ours[3]).all()
    play(other, range(40, 400))  # and on, beyond what was drawn


def test_games_that_are_not_in_lock_step_are_not_for_the_tensor_form() -> None:
    env, tensor = (FORMS[form](steps=10) for form in ("vector", "tensor"))
    env.reset(seed=0)
    play(env, range(3))
    env.reset(options={"reset_mask": np.array([True, False, False])})
    with pytest.raises(ValueError, match="lock-step"):
        tensor.load_state_dict(env.state_dict())
