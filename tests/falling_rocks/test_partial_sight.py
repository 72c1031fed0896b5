"""Rocks below the visible rows are not observed, and the oracle knows of them what it has seen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from falling_rocks import NO_ROCK, State, policies
from falling_rocks.env import FallingRocksEnv
from falling_rocks.rules import Rules, in_sight
from falling_rocks.vector import FallingRocksVectorEnv

ACROSS = {"size": 7, "steps": 30, "rock_probability": 0.7}


@pytest.mark.parametrize("visible", [0, 9, -1, 2.0, True, "2"])
def test_a_wrong_number_of_rows_is_refused(visible) -> None:
    with pytest.raises(ValueError, match=r"visible=.* must be an integer from 1 to the rows .* 8"):
        Rules(visible=visible)


def test_what_is_in_sight_are_the_top_rows() -> None:
    assert in_sight(Rules(size=4, visible=2), (3, 1, 0, 2)) == (3, 1, NO_ROCK, NO_ROCK)
    assert in_sight(Rules(size=4), (3, 1, 0, 2)) == (3, 1, 0, 2)


@pytest.mark.parametrize("visible", [1, 3, 6, 7])
def test_the_oracle_does_as_if_it_saw_all_for_it_has_seen_every_rock_appear(visible) -> None:
    returns = []
    for parameters in ({}, {"visible": visible}):
        env = FallingRocksVectorEnv(300, **ACROSS, **parameters)
        policy = policies.oracle(env)
        # Two episodes: nothing of the first is carried into the second.
        returns += [policies.episode_returns(env, policy, seed=seed) for seed in (0, 1)]
    np.testing.assert_array_equal(returns[:2], returns[2:])


@settings(max_examples=25, deadline=None)
@given(visible=st.integers(1, 6), seed=st.integers(0, 2**32 - 1), steps=st.integers(0, 9))
def test_the_oracle_knows_nothing_of_rocks_that_it_has_not_seen(visible, seed, steps) -> None:
    """Two batches alike in what is in sight, with other rocks out of sight: it acts alike."""
    random = np.random.default_rng(seed)
    envs = [FallingRocksVectorEnv(20, visible=visible, **ACROSS) for _ in range(2)]
    alike = random.integers(-1, 7, size=(8, 20))
    for env in envs:
        rocks = random.integers(-1, 7, size=(7, 20))
        rocks[:visible] = alike[:visible]
        env.set_state(State(tuple(rocks), alike[7].clip(0)), elapsed=steps)
    oracles = [policies.oracle(env) for env in envs]
    for _ in range(8):
        ours, theirs = (oracle(env.observation) for oracle, env in zip(oracles, envs, strict=True))
        np.testing.assert_array_equal(ours, theirs)
        spawns = random.integers(-1, 7, size=20)
        for env in envs:
            env.advance(ours, spawns)
        np.testing.assert_array_equal(envs[0].observation, envs[1].observation)


def test_the_oracle_remembers_what_it_saw_and_forgets_it_with_the_episode() -> None:
    env = FallingRocksVectorEnv(1, size=7, bowl_width=1, visible=2, steps=9)
    nothing = np.array([NO_ROCK])
    rocks = [nothing] * 7
    rocks[1] = np.array([0])
    env.set_state(State(tuple(rocks), np.array([3])))
    oracle = policies.oracle(env)
    oracle(env.observation)
    env.advance([0], nothing)
    env.advance([0], nothing)
    assert policies.oracle(env)(env.observation) == [0]  # one that comes now has seen nothing
    # Nor does one that did not look in the step before: it can't tell what happened since.
    assert oracle(env.observation) == [0]

    env.set_state(State(tuple(rocks), np.array([3])))
    oracle = policies.oracle(env)
    moves = []
    for _ in range(5):
        assert (oracle(env.observation) == oracle(env.observation)).all()  # asked twice
        moves.append(oracle(env.observation)[0])
        _, reward, *_ = env.advance(oracle(env.observation), nothing)
    assert reward == [1]  # landed out of sight
    assert moves.count(1) == 3
    for _ in range(4):  # to the end, after which a game begins with one rock in sight
        env.advance(oracle(env.observation), nothing)
    memory = policies.Memory(env)
    np.testing.assert_array_equal(memory.recall(), np.stack(env.state.rocks))
    alone = policies.oracle(env)
    for _ in range(3):
        action = alone(env.observation)
        assert (oracle(env.observation) == action).all()
        env.advance(action, nothing)


def test_memory_is_of_each_game_alone() -> None:
    env = FallingRocksVectorEnv(3, visible=2, **ACROSS)
    memory, full = policies.Memory(env), np.array([True, False, True])
    env.reset(seed=0)
    for step in range(25):
        if step in (7, 16):
            env.reset(options={"reset_mask": np.array([False, True, False])})
        np.testing.assert_array_equal(memory.recall(), np.stack(env.state.rocks))
        env.step([0, 1, 2])
    assert (env.elapsed[full] == 25).all()


def test_a_picture_shows_the_rocks_out_of_sight_through_a_fog() -> None:
    state = State((2, -1, 0, -1, 3), 1)
    text = FallingRocksEnv(size=5, visible=2, render_mode="ansi")
    text.set_state(state)
    assert text.render() == "..o..\n.....\n:....\n.....\n===:.\n"
    frames = []
    for visible in (5, 2):
        env = FallingRocksEnv(size=5, visible=visible, render_mode="rgb_array")
        env.set_state(state)
        frames.append(env.render().astype(int))
    full, partial = frames
    cells = ((frame[102:153, :51], frame[102:153, 51:102]) for frame in frames)
    contrast, dim = (abs(rock - sky).max() for rock, sky in cells)
    assert 10 < dim < contrast / 2
    np.testing.assert_array_equal(partial[:102], full[:102])
    bowl = slice(234, 244), slice(51, 102)
    np.testing.assert_array_equal(partial[bowl], full[bowl])  # it is in front of the fog


def test_with_all_in_sight_a_state_is_written_as_before_and_read_from_before() -> None:
    env = FallingRocksVectorEnv(2, size=5)
    env.reset(seed=0)
    state = env.state_dict()
    assert "visible" not in state["rules"]
    env.load_state_dict(state)
    partly = FallingRocksVectorEnv(2, size=5, visible=3)
    with pytest.raises(ValueError, match="visible=None, but the environment has visible=3"):
        partly.load_state_dict(state)
    partly.reset(seed=0)
    with pytest.raises(ValueError, match="visible=3, but the environment has visible=None"):
        env.load_state_dict(partly.state_dict())
