"""Whatever is done with them, the games are bit for bit those of the form that moves every cell."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.falling_rocks.shifting import ShiftingVectorEnv

from falling_rocks import Rules, State
from falling_rocks.vector import FallingRocksVectorEnv

SIZES = st.one_of(st.integers(3, 33), st.sampled_from([64, 127, 128]))
"""All ways in which rows are packed or not, and the two types of columns."""


@st.composite
def rules(draw: st.DrawFn) -> Rules:
    size = draw(SIZES)
    return Rules(
        size=size,
        bowl_width=draw(st.integers(0, (size - 1) // 2)) * 2 + 1,
        rock_probability=draw(st.sampled_from([1e-3, 0.15, 0.9, 1])),
        steps=draw(st.integers(1, 3 * size)),
        miss_penalty=draw(st.booleans()),
        observation=draw(st.sampled_from(["screen", "planes"])),
        dtype=draw(st.sampled_from(["uint8", "float32"])),
    )


DEEDS = ["steps"] * 4 + ["advance", "mask", "reset", "seed", "set_state", "load", "peek"]


def assert_same(ours: object, theirs: object) -> None:
    """The same values of the same types, in whatever they lie."""
    assert type(ours) is type(theirs)
    if isinstance(ours, np.ndarray):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    elif isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        for name in ours:
            assert_same(ours[name], theirs[name])
    elif isinstance(ours, tuple | list):
        assert len(ours) == len(theirs)
        for our, their in zip(ours, theirs, strict=True):
            assert_same(our, their)
    else:
        assert ours == theirs


@pytest.mark.long
@settings(max_examples=30, deadline=None)
@given(
    rules=rules(),
    num_envs=st.integers(1, 9),
    fresh=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
    deeds=st.lists(st.sampled_from(DEEDS), min_size=1, max_size=8),
)
def test_it_plays_what_moving_every_cell_plays(rules, num_envs, fresh, seed, deeds) -> None:
    parameters = vars(rules)
    env = FallingRocksVectorEnv(num_envs, copy=fresh, **parameters)
    other = ShiftingVectorEnv(num_envs, **parameters)
    random = np.random.default_rng(seed)
    assert_same(env.reset(seed=seed), other.reset(seed=seed))
    for deed in deeds:
        match deed:
            case "steps":
                # Each game goes one way for a while, so that bowls reach the edges; and the window
                # through which the rocks are seen jumps.
                for _ in range(random.integers(1, 2 * rules.size + 2)):
                    ways = random.integers(3, size=(2, num_envs))
                    actions = np.where(random.random(num_envs) < 0.2, *ways)
                    assert_same(env.step(actions), other.step(actions))
                    assert_same(env.elapsed, other.elapsed)
            case "advance":
                actions = random.integers(3, size=num_envs).astype(
                    random.choice(["i1", "u2", "i8"])
                )
                spawns = random.integers(-1, rules.size, size=num_envs)
                assert_same(env.advance(actions, spawns), other.advance(actions, spawns))
            case "mask":
                options = {"reset_mask": random.random(num_envs) < 0.5}
                assert_same(env.reset(options=options), other.reset(options=options))
            case "reset":
                assert_same(env.reset(), other.reset())
            case "seed":
                assert_same(env.reset(seed=7), other.reset(seed=7))
            case "set_state":
                rocks, bowl = (
                    random.integers(low, rules.size, size=shape)
                    for low, shape in ((-1, (rules.size, num_envs)), (0, num_envs))
                )
                elapsed = random.integers(rules.steps, size=num_envs)
                states = [
                    each.set_state(State(tuple(rocks), bowl), elapsed) for each in (env, other)
                ]
                assert_same(*states)
            case "load":  # each loads the other's: recorded states are what they were
                saved, theirs = copy.deepcopy((env.state_dict(), other.state_dict()))
                assert_same(saved, theirs)
                env = FallingRocksVectorEnv(num_envs, copy=fresh, **parameters)
                env.load_state_dict(theirs)
                other.load_state_dict(saved)
            case "peek":
                assert_same(env.upcoming_spawns(3), other.upcoming_spawns(3))
        assert_same(env.observation, other.observation)
        assert_same(tuple(env.state), tuple(other.state))


@pytest.mark.parametrize(("num_envs", "size"), [(1, 3), (7, 128), (20_001, 3)])
def test_many_games_draw_the_same_random_numbers(num_envs, size) -> None:
    """Numbers are drawn in chunks, of which the last may end within a word."""
    env = FallingRocksVectorEnv(num_envs, size=size)
    other = ShiftingVectorEnv(num_envs, size=size)
    env.reset(seed=1)
    other.reset(seed=1)
    assert_same(env.upcoming_spawns(4), other.upcoming_spawns(4))
    assert_same(env.state_dict(), other.state_dict())
