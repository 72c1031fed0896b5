"""The vectorised form as a Gymnasium vector environment."""

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode

import falling_rocks  # noqa: F401  (registers the ids)
from falling_rocks.vector import FallingRocksVectorEnv


def actions(env: FallingRocksVectorEnv, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(3, size=env.num_envs)


def test_make_vec_gives_the_vectorised_form_with_its_parameters() -> None:
    env = gymnasium.make_vec("rockfall/FallingRocks-16x16-v0", num_envs=4, dtype="float32")
    assert isinstance(env.unwrapped, FallingRocksVectorEnv)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    observation, infos = env.reset(seed=0)
    assert observation in env.observation_space
    assert observation.shape == (4, 16, 16)
    assert infos == {}


def test_its_spaces_are_those_of_the_plain_form() -> None:
    for parameters in ({}, {"observation": "planes"}, {"dtype": "float32"}):
        plain = gymnasium.make("rockfall/FallingRocks-8x8-v0", **parameters)
        vector = gymnasium.make_vec("rockfall/FallingRocks-8x8-v0", num_envs=2, **parameters)
        assert vector.single_observation_space == plain.observation_space
        assert vector.single_action_space == plain.action_space


def test_games_that_end_restart_in_the_same_step_and_leave_their_last_observation() -> None:
    env = FallingRocksVectorEnv(6, steps=4)
    env.reset(seed=0)
    for _ in range(3):
        observation, _, _, truncated, infos = env.step(actions(env))
        assert not truncated.any()
        assert infos == {}
    spawns = np.full(6, 7, np.int16)
    observation, _, terminated, truncated, infos = env.advance(actions(env), spawns)
    assert truncated.all()
    assert not terminated.any()
    assert infos["_final_obs"].all()
    assert not np.shares_memory(infos["_final_obs"], truncated)
    # The last observation shows the rock that has just appeared; the new one, a game's first rock.
    assert (infos["final_obs"][:, 0, 7] == 1).all()
    assert (observation[:, :-1].sum(axis=(1, 2)) == 1).all()
    assert (observation[:, 0].sum(axis=1) == 1).all()
    assert (env.elapsed == 0).all()


def test_a_reset_mask_restarts_the_masked_games_only() -> None:
    env = FallingRocksVectorEnv(4, steps=5)
    env.reset(seed=0)
    for _ in range(3):
        before = env.step(actions(env))[0]
    mask = np.array([True, False, False, True])
    after, _ = env.reset(options={"reset_mask": mask})
    np.testing.assert_array_equal(after[~mask], before[~mask])
    assert (after[mask][:, 1:-1] == 0).all()
    assert env.elapsed.tolist() == [0, 3, 3, 0]

    env.step(actions(env))
    observation, _, _, truncated, infos = env.step(actions(env))
    assert truncated.tolist() == infos["_final_obs"].tolist() == (~mask).tolist()
    assert env.elapsed.tolist() == [2, 0, 0, 2]
    np.testing.assert_array_equal(infos["final_obs"][mask], observation[mask])
    assert (observation[~mask][:, 1:-1] == 0).all()


@pytest.mark.parametrize("mask", [np.ones(3, bool), np.ones(4, int)])
def test_a_wrong_reset_mask_is_refused(mask) -> None:
    with pytest.raises(ValueError, match=r"must be booleans of shape \(4,\)"):
        FallingRocksVectorEnv(4).reset(options={"reset_mask": mask})


def trajectory(env: FallingRocksVectorEnv, seed: int | None) -> np.ndarray:
    first, _ = env.reset(seed=seed)
    return np.stack([first, *(env.step(actions(env, step))[0] for step in range(150))])


def test_a_seed_decides_everything_and_no_seed_lets_it_run_on() -> None:
    env = FallingRocksVectorEnv(3)
    first = trajectory(env, 5)
    assert not np.array_equal(first, trajectory(env, None))
    np.testing.assert_array_equal(first, trajectory(env, 5))
    np.testing.assert_array_equal(first, trajectory(FallingRocksVectorEnv(3), 5))
    assert not np.array_equal(first, trajectory(env, 6))


def test_two_unseeded_environments_differ() -> None:
    ours, theirs = (trajectory(FallingRocksVectorEnv(3), None) for _ in range(2))
    assert not np.array_equal(ours, theirs)


@pytest.mark.parametrize("observation", ["screen", "planes"])
def test_a_copy_is_the_callers_and_a_view_lasts_until_the_next_step(observation) -> None:
    lent = FallingRocksVectorEnv(5, copy=False, steps=7, observation=observation)
    kept = FallingRocksVectorEnv(5, copy=True, steps=7, observation=observation)
    view, copy = lent.reset(seed=1)[0], kept.reset(seed=1)[0]
    copies, finals = [(copy, copy.copy())], []
    for step in range(60):
        np.testing.assert_array_equal(view, copy)
        view, *_, ours = lent.step(actions(lent, step))
        copy, *_, theirs = kept.step(actions(kept, step))
        copies.append((copy, copy.copy()))
        assert copy.flags.c_contiguous
        if "final_obs" in ours:
            finals.append((ours["final_obs"], theirs["final_obs"]))
        copies[0][0][:] = 1  # must not reach the environment
    for given, as_it_was in copies[1:]:
        np.testing.assert_array_equal(given, as_it_was)
    assert finals
    for ours, theirs in finals:
        np.testing.assert_array_equal(ours, theirs)


def test_a_view_of_screens_is_a_view_when_flattened_too() -> None:
    env = FallingRocksVectorEnv(5, copy=False)
    view = env.reset(seed=0)[0]
    assert view.transpose(1, 2, 0).flags.c_contiguous
    assert np.shares_memory(view, view.reshape(5, -1))
    assert not any(np.shares_memory(view, part) for part in env.step(actions(env))[1:4])


def test_spawns_of_a_wrong_shape_change_nothing() -> None:
    env = FallingRocksVectorEnv(3)
    observation, _ = env.reset(seed=0)
    with pytest.raises(ValueError, match="broadcast"):
        env.advance([1, 1, 1], [1, 2])
    np.testing.assert_array_equal(env.observation, observation)
    assert env.elapsed.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([0, 1], r"shape \(3,\), not \(2,\)"),
        ([0, 1, 3], "from 0 to 2"),
        ([0, -1, 0], "from 0 to 2"),
    ],
)
def test_wrong_actions_are_refused(wrong, message) -> None:
    env = FallingRocksVectorEnv(3)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=message):
        env.step(wrong)


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match="num_envs=0 is not allowed"):
        FallingRocksVectorEnv(0)
    with pytest.raises(ResetNeeded, match="not started"):
        FallingRocksVectorEnv(2).step([0, 0])
