"""The vectorised form as a Gymnasium vector environment."""

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode

import drifting_rocks  # noqa: F401  (registers the ids)
from drifting_rocks.rules import wrap
from drifting_rocks.vector import DriftingRocksVectorEnv


def actions(env: DriftingRocksVectorEnv, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    if env.rules.actions == "discrete":
        return generator.integers(9, size=env.num_envs)
    return generator.uniform(-1, 1, (env.num_envs, 2)).astype(np.float32)


@pytest.mark.parametrize("name", ["DriftingRocks", "DriftingRocksDiscrete"])
def test_make_vec_gives_the_vectorised_form_with_the_spaces_of_the_plain_one(name) -> None:
    env = gymnasium.make_vec(f"rockfall/{name}-v0", num_envs=4, rocks=3)
    plain = gymnasium.make(f"rockfall/{name}-v0", rocks=3)
    assert isinstance(env.unwrapped, DriftingRocksVectorEnv)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert env.single_observation_space == plain.observation_space
    assert env.single_action_space == plain.action_space
    observation, infos = env.reset(seed=0)
    assert observation in env.observation_space
    assert infos == {}
    assert env.step(env.action_space.sample())[0] in env.observation_space


def hit_next(env: DriftingRocksVectorEnv, games: list[int]) -> None:
    """Put a rock on the craft of some games."""
    state = env.state
    state.rocks[:, 0, games] = 0
    env.set_state(state, env.elapsed)


def test_games_that_end_restart_in_the_same_step_and_leave_their_last_observation() -> None:
    env = DriftingRocksVectorEnv(6, steps=4, rock_speed=0.001)
    env.reset(seed=0)
    for _ in range(2):
        *_, infos = env.step(actions(env))
        assert infos == {}
    hit_next(env, [1, 4])
    before = env.observation
    observation, _, terminated, truncated, infos = env.step(actions(env))
    assert np.flatnonzero(terminated).tolist() == [1, 4]
    assert not truncated.any()
    assert env.elapsed.tolist() == [3, 0, 3, 3, 0, 3]
    final, mask = infos["final_obs"], infos["_final_obs"]
    assert mask.tolist() == terminated.tolist()
    np.testing.assert_array_equal(final[~mask], observation[~mask])
    assert (abs(wrap(final - before)) < 0.2).all()  # the old games, a step later
    assert (observation[mask][:, :2] == 0).all()  # the new ones, at rest
    assert (abs(observation[mask][:, 4 : 4 + 8]) >= 0.299).all()

    hit_next(env, [2])
    *_, terminated, truncated, infos = env.step(actions(env))
    assert truncated.tolist() == [True, False, False, True, False, True]
    assert terminated.tolist() == [False, False, True, False, False, False]
    assert infos["_final_obs"].tolist() == (truncated | terminated).tolist()


def test_what_a_step_gave_stays_as_it_was() -> None:
    env = DriftingRocksVectorEnv(40, steps=3, rock_radius=0.25)
    env.reset(seed=0)
    kept = []
    for step in range(60):
        state = env.state
        observation, reward, terminated, truncated, infos = env.step(actions(env, step))
        given = [*state, observation, reward, terminated, truncated, *infos.values()]
        kept += [(part, part.copy()) for part in given]
    for given, as_it_was in kept:
        np.testing.assert_array_equal(given, as_it_was)


def test_a_reset_mask_restarts_the_masked_games_only() -> None:
    env = DriftingRocksVectorEnv(4, steps=9, rock_speed=0.001)
    env.reset(seed=0)
    for _ in range(3):
        before = env.step(actions(env))[0]
    mask = np.array([True, False, False, True])
    after, _ = env.reset(options={"reset_mask": mask})
    np.testing.assert_array_equal(after[~mask], before[~mask])
    assert (after[mask] != before[mask]).all()
    assert env.elapsed.tolist() == [0, 3, 3, 0]


@pytest.mark.parametrize("mask", [np.ones(3, bool), np.ones(4, int)])
def test_a_wrong_reset_mask_is_refused(mask) -> None:
    with pytest.raises(ValueError, match=r"must be booleans of shape \(4,\)"):
        DriftingRocksVectorEnv(4).reset(options={"reset_mask": mask})


def trajectory(env: DriftingRocksVectorEnv, seed: int | None) -> np.ndarray:
    first, _ = env.reset(seed=seed)
    return np.stack([first, *(env.step(actions(env, step))[0] for step in range(300))])


def test_a_seed_decides_everything_and_no_seed_lets_it_run_on() -> None:
    env = DriftingRocksVectorEnv(3)
    first = trajectory(env, 5)
    assert not np.array_equal(first, trajectory(env, None))
    np.testing.assert_array_equal(first, trajectory(env, 5))
    np.testing.assert_array_equal(first, trajectory(DriftingRocksVectorEnv(3), 5))
    assert not np.array_equal(first, trajectory(env, 6))


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        ("discrete", [0, 1], r"shape \(3,\), not \(2,\)"),
        ("discrete", [0, 1, 9], "from 0 to 8"),
        ("discrete", [0, -1, 0], "from 0 to 8"),
        ("continuous", np.zeros((2, 3)), r"shape \(3, 2\), not \(2, 3\)"),
        ("continuous", np.full((3, 2), np.nan), "finite"),
    ],
)
def test_wrong_actions_are_refused_and_change_nothing(kind, wrong, message) -> None:
    env = DriftingRocksVectorEnv(3, actions=kind)
    observation, _ = env.reset(seed=0)
    with pytest.raises(ValueError, match=message):
        env.step(wrong)
    np.testing.assert_array_equal(env.observation, observation)
    assert env.elapsed.tolist() == [0, 0, 0]


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match="num_envs=0 is not allowed"):
        DriftingRocksVectorEnv(0)
    with pytest.raises(ResetNeeded, match="not started"):
        DriftingRocksVectorEnv(2).step(np.zeros((2, 2)))
