"""The adapter to stable-baselines3 does what SB3's own `DummyVecEnv` does, only at once."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import DummyVecEnv
from torch import Tensor

import rockfall
from rockfall.kit.environments import space_data
from rockfall.kit.environments.batched import BatchedEnvironment, Step
from rockfall.kit.environments.replay import EpisodeReplay
from rockfall.sources.environment import Environment
from rockfall.testing.comparing import difference
from rockfall_agents.sb3 import unvalidated
from rockfall_agents.vec_env import BatchVecEnv, flat_spaces

ENVS, SEED = 5, 3


def opened(name: str, **options: Any) -> Environment:
    source = rockfall.open_source(name, options)
    assert isinstance(source, Environment)
    return source


def adapted(source: Environment, envs: int = ENVS) -> BatchVecEnv:
    return BatchVecEnv(source.batch(envs, seed=SEED), source.info, SEED)


def actions(source: Environment, steps: int, envs: int = ENVS) -> NDArray[np.int64]:
    assert source.info.actions
    return np.random.default_rng(0).integers(source.info.actions, size=(steps, envs))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("CartPole-v1", {}),  # terminates: the pole falls
        ("CartPole-v1", {"max_episode_steps": 11}),  # mostly truncated
        ("Acrobot-v1", {"max_episode_steps": 7}),
    ],
)
def test_it_is_dummy_vec_env(name: str, options: dict[str, Any]) -> None:
    source = opened(name, **options)
    ours = adapted(source)
    theirs = DummyVecEnv(
        [
            lambda index=index: EpisodeReplay(source.make(), seed=SEED, index=index)
            for index in range(ENVS)
        ]
    )
    np.testing.assert_array_equal(ours.reset(), theirs.reset())
    returns, endings = np.zeros(ENVS), set()
    for action in actions(source, 150):
        (observation, reward, done, infos), expected = ours.step(action), theirs.step(action)
        np.testing.assert_array_equal(observation, expected[0])
        np.testing.assert_array_equal(reward, expected[1])
        np.testing.assert_array_equal(done, expected[2])
        assert (observation.dtype, reward.dtype, done.dtype) == tuple(e.dtype for e in expected[:3])
        returns += reward
        for index in np.flatnonzero(done):
            info, wanted = infos[index], expected[3][index]
            np.testing.assert_array_equal(
                info["terminal_observation"], wanted["terminal_observation"]
            )
            assert info["TimeLimit.truncated"] == wanted["TimeLimit.truncated"]
            assert info["episode"]["r"] == returns[index]
            endings.add(info["TimeLimit.truncated"])
        assert all(not infos[index] for index in np.flatnonzero(~done))
        returns[done] = 0
    assert endings == ({True} if name == "Acrobot-v1" else {True, False} if options else {False})
    ours.close()
    theirs.close()


@pytest.mark.parametrize("observation", ["screen", "planes"])
def test_a_grid_is_flattened_and_otherwise_unchanged(observation: str) -> None:
    source = opened("falling-rocks-8x8", observation=observation, steps=9)
    env, batch = adapted(source), source.batch(ENVS, seed=SEED)
    np.testing.assert_array_equal(env.reset(), batch.reset().flatten(1).numpy())
    for action in actions(source, 40):
        env.step_async(action)
        observation, reward, done, infos = env.step_wait()
        step = batch.step(env._actions)
        assert observation.dtype == np.uint8
        np.testing.assert_array_equal(observation, step.observation.flatten(1).numpy())
        np.testing.assert_array_equal(reward, step.reward.numpy())
        np.testing.assert_array_equal(done, step.truncated.numpy())
        for info, final in zip(infos, step.final_observation, strict=True):
            assert bool(info) == done[0]
            if info:
                np.testing.assert_array_equal(info["terminal_observation"], final.flatten())


class Reusing:
    """A batch that gives the same tensors again in every step, as it may."""

    earned = None

    def __init__(self, batch: BatchedEnvironment) -> None:
        self.batch, self.num_envs = batch, batch.num_envs

    def reset(self, seed: int | None = None) -> Tensor:
        self.tensors = self.batch.step(torch.zeros(self.num_envs, dtype=torch.long))
        return self.tensors.observation.copy_(self.batch.reset(seed))

    def step(self, actions: Tensor) -> Step:
        for ours, theirs in zip(self.tensors, self.batch.step(actions), strict=True):
            ours.copy_(theirs)
        return self.tensors


@st.composite
def boxes(draw: st.DrawFn) -> spaces.Box[Any]:
    """Of actions: of any shape, type and bounds, some of them the same, far away or not there."""
    shape = draw(st.sampled_from([(), (1,), (3,), (2, 2)]))
    dtype = draw(st.sampled_from([np.int8, np.uint16, np.int64, np.float32, np.float64]))
    if np.issubdtype(dtype, np.integer):
        ends: Any = np.iinfo(dtype)
        bound: Any = st.integers(int(ends.min), int(ends.max))
    else:
        bound = st.floats(-1e9, 1e9, width=32) | st.sampled_from([-3.4e38, 0.0, 3.4e38])
    pairs = st.tuples(bound, bound).map(sorted) | bound.map(lambda one: [one, one])
    if not np.issubdtype(dtype, np.integer):
        pairs |= st.sampled_from([[-np.inf, np.inf], [-np.inf, 1.0], [0.0, np.inf]])
    size = math.prod(shape)
    drawn = np.array(draw(st.lists(pairs, min_size=size, max_size=size)), dtype)
    low, high = np.moveaxis(drawn, -1, 0).reshape(2, *shape)
    return spaces.Box(low, high, shape, dtype)


@given(boxes())
def test_actions_of_any_box_are_finite_numbers_of_some_width(box: spaces.Box[Any]) -> None:
    """SB3 scales by the width of the box that it is given, and samples in it."""
    described = space_data.describe(spaces.Box(-1, 1, (3,)), box)
    _, ours = flat_spaces(rockfall.SourceInfo(name="any", **described))
    assert isinstance(ours, spaces.Box) and ours.shape == (box.shape or (1,))
    assert np.isfinite(ours.low).all() and np.isfinite(ours.high).all()
    assert (ours.low < ours.high).all()


def test_what_a_policy_gives_that_is_no_number_is_not_the_environments_fault() -> None:
    env = adapted(opened("Pendulum-v1"))
    env.reset()
    for wrong in (np.nan, np.inf):
        chosen = np.zeros((ENVS, 1), np.float32)
        chosen[2] = wrong
        with pytest.raises(rockfall.Diverged, match="the policy"):
            env.step(chosen)
    with pytest.raises(rockfall.Diverged, match="the policy"), unvalidated():
        torch.distributions.Categorical(logits=torch.full((3,), np.nan)).sample()
    with pytest.raises(RuntimeError, match="size"), unvalidated():
        torch.zeros(3) + torch.zeros(2)


def test_arrays_once_returned_are_never_written_to() -> None:
    source = opened("falling-rocks-8x8", size=4, steps=5, rock_probability=0.9)
    env = BatchVecEnv(Reusing(source.batch(ENVS, seed=SEED)), source.info, SEED)
    given, copies = [env.reset()], []
    for action in actions(source, 12):
        copies.append([part.copy() for part in given])
        observation, reward, done, infos = env.step(action)
        given += [observation, reward, done, *(i["terminal_observation"] for i in infos if i)]
    for copied in copies:
        for now, then in zip(given, copied, strict=False):
            np.testing.assert_array_equal(now, then)


def test_a_step_is_one_step_however_many_environments() -> None:
    def calls(envs: int) -> int:
        source = opened("falling-rocks-8x8")
        env = adapted(source, envs)
        env.reset()
        action = actions(source, 1, envs)[0]
        env.step(action)
        count = 0

        def counting(frame: Any, event: str, argument: Any) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(counting)
        try:
            env.step(action)
        finally:
            sys.setprofile(None)
        return count

    assert calls(512) == calls(4)


@pytest.mark.parametrize("name", ["CartPole-v1", "falling-rocks-8x8"])
def test_its_state_dict_is_complete(name: str) -> None:
    source = opened(name)
    env = adapted(source)
    env.reset()
    chosen = actions(source, 100)
    for action in chosen[:40]:
        env.step(action)
    env.action_space.sample()
    other = adapted(source)
    other.load_state_dict(env.state_dict())
    assert [env.action_space.sample() for _ in range(9)] == [
        other.action_space.sample() for _ in range(9)
    ]
    for action in chosen[40:]:
        (*arrays, infos), (*others, other_infos) = env.step(action), other.step(action)
        for one, two in zip(arrays, others, strict=True):
            np.testing.assert_array_equal(one, two)
        assert [i.get("episode") for i in infos] == [i.get("episode") for i in other_infos]


def test_closed_it_still_tells_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run saves once more after `fit`, when workers, say, are gone."""
    env = adapted(opened("CartPole-v1"))
    env.reset()
    env.step(np.zeros(ENVS, np.int64))
    before = env.state_dict()
    env.close()

    def gone() -> None:
        raise AssertionError("it is closed")

    monkeypatch.setattr(env.batch, "state_dict", gone)
    assert not difference(env.state_dict(), before)


def test_a_seed_restarts_it() -> None:
    env = adapted(opened("CartPole-v1"))
    env.seed(SEED)
    first = env.reset()
    env.step(np.zeros(ENVS, np.int64))
    env.seed(SEED)
    np.testing.assert_array_equal(env.reset(), first)
