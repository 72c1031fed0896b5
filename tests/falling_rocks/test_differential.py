"""Every form plays the same game: that of the rules in the README.

The reference below is written from their plain English alone, with a set of rocks and loops over
cells, and shares no idea with the code that it checks.
"""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from falling_rocks import Rules, State, start
from falling_rocks.env import FallingRocksEnv
from falling_rocks.tensor import FallingRocksTensorEnv
from falling_rocks.vector import FallingRocksVectorEnv


class Reference:
    """One game, cell by cell."""

    def __init__(self, rules: Rules, rock: int, bowl: int) -> None:
        self.rules = rules
        self.rocks = {(0, rock)}
        self.bowl = bowl

    def step(self, action: int, spawn: int) -> float:
        last = self.rules.size - 1
        self.rocks = {(row + 1, column) for row, column in self.rocks if row < last}
        if spawn != -1:
            self.rocks.add((0, spawn))
        if action == 1 and self.bowl > 0:
            self.bowl -= 1
        if action == 2 and self.bowl < last:
            self.bowl += 1
        reward = 0.0
        for row, column in self.rocks:
            if row == last:
                if column in self.bowl_columns():
                    reward += 1
                elif self.rules.miss_penalty:
                    reward -= 1
        return reward

    def bowl_columns(self) -> list[int]:
        half = self.rules.bowl_width // 2
        return list(range(self.bowl - half, self.bowl + half + 1))

    def observation(self) -> np.ndarray:
        size = self.rules.size
        rocks, bowl = np.zeros((2, size, size), self.rules.dtype)
        for row, column in self.rocks:
            if self.rules.visible is None or row < self.rules.visible:
                rocks[row, column] = 1
        for column in self.bowl_columns():
            if 0 <= column < size:
                bowl[size - 1, column] = 1
        return (
            np.maximum(rocks, bowl)
            if self.rules.observation == "screen"
            else np.stack((rocks, bowl))
        )


@st.composite
def games(draw: st.DrawFn):
    """Rules, initial states of a few games, and for each step their actions and spawns."""
    size = draw(st.integers(3, 20))
    rules = Rules(
        size=size,
        bowl_width=draw(st.integers(0, (size - 1) // 2)) * 2 + 1,
        steps=draw(st.integers(1, 40)),
        miss_penalty=draw(st.booleans()),
        observation=draw(st.sampled_from(["screen", "planes"])),
        dtype=draw(st.sampled_from(["uint8", "float32"])),
        visible=draw(st.none() | st.integers(1, size)),
    )
    num_envs = draw(st.integers(1, 5))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    starts = generator.integers(size, size=(2, num_envs))
    actions = generator.integers(3, size=(rules.steps, num_envs))
    # Half of the actions of a game go one way, so that bowls reach the edges and stay there.
    actions = np.where(
        generator.random(actions.shape) < 0.5, generator.integers(3, size=num_envs), actions
    )
    spawns = generator.integers(-1, size, size=(rules.steps, num_envs))
    return rules, starts, actions, spawns


def assert_same(ours, theirs) -> None:
    ours = np.asarray(ours)
    theirs = np.asarray(theirs)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


@settings(max_examples=60, deadline=None)
@given(games())
def test_all_forms_play_the_game_of_the_reference(game) -> None:
    rules, (rocks, bowls), actions, spawns = game
    num_envs = len(rocks)
    parameters = vars(rules)
    references = [Reference(rules, *game) for game in zip(rocks, bowls, strict=True)]
    plain = [FallingRocksEnv(**parameters) for _ in references]
    vector = FallingRocksVectorEnv(num_envs, **parameters)
    view = FallingRocksVectorEnv(num_envs, copy=False, **parameters)
    tensor = FallingRocksTensorEnv(num_envs, **parameters)

    expected = np.stack([reference.observation() for reference in references])
    games = zip(plain, rocks, bowls, strict=True)
    assert_same([env.set_state(start(rules, rock, bowl)) for env, rock, bowl in games], expected)
    assert_same(vector.set_state(start(rules, rocks, bowls)), expected)
    assert_same(view.set_state(start(rules, rocks, bowls)), expected)
    assert_same(tensor.set_state(start(rules, rocks, bowls)), expected)

    for time in range(rules.steps):
        draws = list(zip(actions[time], spawns[time], strict=True))
        rewards = [ref.step(*draw) for ref, draw in zip(references, draws, strict=True)]
        expected = np.stack([reference.observation() for reference in references])
        ended = time == rules.steps - 1

        for index, (env, draw) in enumerate(zip(plain, draws, strict=True)):
            obs, reward, terminated, truncated, _ = env.advance(*draw)
            assert_same(obs, expected[index])
            assert (reward, terminated, truncated) == (rewards[index], False, ended)

        obs, reward, terminated, truncated, infos = vector.advance(actions[time], spawns[time])
        assert_same(infos["final_obs"] if ended else obs, expected)
        assert_same(reward, np.float32(rewards))
        assert truncated.tolist() == [ended] * num_envs
        assert not terminated.any()

        obs, *_, infos = view.advance(actions[time], spawns[time])
        assert_same(infos["final_obs"] if ended else obs, expected)

        obs, reward, terminated, truncated, final_obs = tensor.advance(
            torch.from_numpy(actions[time]), torch.from_numpy(spawns[time])
        )
        assert_same(final_obs, expected)
        assert (obs is final_obs) != ended
        assert_same(reward, np.float32(rewards))
        assert truncated.tolist() == [ended] * num_envs
        assert not terminated.any()


@settings(max_examples=30, deadline=None)
@given(games())
def test_the_state_is_what_the_reference_sees(game) -> None:
    rules, (rocks, bowls), actions, spawns = game
    reference = Reference(rules, rocks[0], bowls[0])
    env = FallingRocksEnv(**vars(rules))
    env.set_state(start(rules, rocks[0], bowls[0]))
    for action, spawn in zip(actions[:, 0], spawns[:, 0], strict=True):
        reference.step(action, spawn)
        env.advance(action, spawn)
        assert {
            (row, rock) for row, rock in enumerate(env.state.rocks) if rock != -1
        } == reference.rocks
        assert env.state.bowl == reference.bowl


@settings(max_examples=20, deadline=None)
@given(games(), st.booleans())
def test_the_screens_that_fall_are_those_that_would_be_drawn(game, copied) -> None:
    rules, (rocks, bowls), actions, spawns = game
    falling = FallingRocksVectorEnv(len(rocks), copy=copied, **vars(rules))
    drawn = FallingRocksVectorEnv(len(rocks), **vars(rules))
    falling.set_state(start(rules, rocks, bowls), elapsed=np.arange(len(rocks)) % rules.steps)
    for action, spawn in zip(actions, spawns, strict=True):
        obs = falling.advance(action, spawn)[0]
        assert_same(obs, drawn.set_state(State(*falling.state)))
