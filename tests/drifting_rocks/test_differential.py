"""Every form plays the same game: that of the rules in the README.

The reference below is written from their plain English alone, one game in Python's own numbers and
with the places on the torus themselves, and shares no idea with the code that it checks.
"""

import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from drifting_rocks import Rules, State, start
from drifting_rocks.env import DriftingRocksEnv
from drifting_rocks.rules import THRUSTS, draws
from drifting_rocks.tensor import DriftingRocksTensorEnv
from drifting_rocks.vector import DriftingRocksVectorEnv


class Reference:
    """One game, thing by thing."""

    def __init__(self, rules: Rules, state: State) -> None:
        self.rules = rules
        self.craft = [float(x) for x in state.craft]
        self.velocity = [float(x) for x in state.velocity]
        self.beacon = self.at(state.beacon)
        self.rocks = [self.at(way) for way in state.rocks.T]
        self.drifts = [[float(x) for x in drift] for drift in state.drift.T]

    def at(self, way) -> list[float]:
        return [c + float(w) for c, w in zip(self.craft, way, strict=True)]

    def step(self, thrust, beacon) -> None:
        for axis in range(2):
            push = max(-1.0, min(1.0, float(thrust[axis])))
            self.velocity[axis] -= self.rules.drag * self.velocity[axis]
            self.velocity[axis] += push * self.rules.thrust
            self.craft[axis] += self.velocity[axis]
            for rock, drift in zip(self.rocks, self.drifts, strict=True):
                rock[axis] += drift[axis]
        self.margin = math.inf
        touched = [self.touches(rock, self.rules.rock_radius) for rock in self.rocks]
        self.hit = any(touched)
        self.reached = self.touches(self.beacon, 0.15)
        if self.reached:
            self.beacon = self.at(beacon)

    def touches(self, place, radius: float) -> bool:
        gap = math.hypot(*self.way(place)) - radius - 0.05
        self.margin = min(self.margin, abs(gap))
        return gap < 0

    def way(self, place) -> list[float]:
        """The shortest, of all images of the place on a torus of side 2."""
        ways = (
            [p - c + 2 * n for n in range(-60, 61)] for p, c in zip(place, self.craft, strict=True)
        )
        return [min(each, key=abs) for each in ways]

    def observation(self) -> np.ndarray:
        ways = [self.way(rock) for rock in self.rocks]
        top = self.rules.thrust / self.rules.drag
        return np.array(
            [v / top for v in self.velocity]
            + self.way(self.beacon)
            + [way[axis] for axis in range(2) for way in ways]
            + [drift[axis] / self.rules.rock_speed for axis in range(2) for drift in self.drifts]
        )


@st.composite
def games(draw: st.DrawFn):
    """Rules, initial states of a few games, and for each step their actions and beacons."""
    rules = Rules(
        rocks=draw(st.integers(1, 5)),
        rock_radius=draw(st.floats(0.01, 0.2)),
        rock_speed=draw(st.floats(1e-6, 0.05)),
        thrust=draw(st.floats(1e-6, 0.05)),
        drag=draw(st.floats(1e-6, 1)),
        steps=draw(st.integers(1, 60)),
        actions=draw(st.sampled_from(["continuous", "discrete"])),
    )
    num_envs = draw(st.integers(1, 5))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    states = start(rules, generator.random((2, draws(rules), num_envs), np.float32))
    beacons = generator.uniform(-1, 1, (rules.steps, 2, num_envs)).astype(np.float32)
    if rules.actions == "discrete":
        actions = generator.integers(9, size=(rules.steps, num_envs))
        keep = generator.random(actions.shape) < 0.8  # keep a thrust for a while, to get around
    else:
        actions = generator.uniform(-1.2, 1.2, (rules.steps, num_envs, 2)).astype(np.float32)
        keep = generator.random((rules.steps, num_envs, 1)) < 0.8
    for time in range(1, rules.steps):
        actions[time] = np.where(keep[time], actions[time - 1], actions[time])
    return rules, states, actions, beacons


def one(state: State, game: int) -> State:
    return State(*(part[..., game] for part in state))


def assert_same(ours, theirs) -> None:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def assert_seen(ours: np.ndarray, expected: np.ndarray) -> None:
    """Nearly the same, where -1 and 1 may be the same place."""
    off = abs(ours.astype(float) - expected)
    assert (np.minimum(off, 2 - off) < 2e-4).all(), (ours, expected)


@settings(max_examples=40, deadline=None)
@given(games())
def test_the_plain_form_plays_the_game_of_the_reference(game) -> None:
    rules, states, actions, beacons = game
    for index in range(states.craft.shape[-1]):
        env, reference = DriftingRocksEnv(**vars(rules)), Reference(rules, one(states, index))
        assert_seen(env.set_state(one(states, index)), reference.observation())
        for time in range(rules.steps):
            action, beacon = actions[time, index], beacons[time, :, index]
            reference.step(THRUSTS[action] if rules.actions == "discrete" else action, beacon)
            if reference.margin < 1e-4:
                break  # a touch so slight that rounding decides it
            observation, reward, terminated, truncated, _ = env.advance(action, beacon)
            assert (reward, terminated) == (reference.reached, reference.hit)
            assert truncated == (time == rules.steps - 1 and not terminated)
            assert_seen(observation, reference.observation())
            if terminated:
                break


@settings(max_examples=25, deadline=None)
@given(games())
def test_all_forms_play_the_same_game_bit_by_bit(game) -> None:
    rules, states, actions, beacons = game
    num_envs = states.craft.shape[-1]
    parameters = vars(rules)
    plain = [DriftingRocksEnv(**parameters) for _ in range(num_envs)]
    vector = DriftingRocksVectorEnv(num_envs, **parameters)
    tensor = DriftingRocksTensorEnv(num_envs, **parameters)
    vector.set_state(states)
    tensor.set_state(states)
    for index, env in enumerate(plain):
        env.set_state(one(states, index))

    for time in range(rules.steps):
        steps = [env.advance(actions[time, i], beacons[time, :, i]) for i, env in enumerate(plain)]
        expected, rewards, hits, cuts, _ = map(np.array, zip(*steps, strict=True))
        over = hits | cuts

        obs, reward, terminated, truncated, infos = vector.advance(actions[time], beacons[time])
        assert_same(terminated, hits)
        assert_same(truncated, cuts)
        assert_same(reward, rewards.astype(np.float32))
        assert ("final_obs" in infos) == over.any()
        assert_same(infos.get("final_obs", obs), expected)
        assert_same(infos.get("_final_obs", over), over)
        assert_same(obs[~over], expected[~over])
        assert_same(obs, vector.observation)

        theirs = tensor.advance(torch.from_numpy(actions[time]), torch.from_numpy(beacons[time]))
        obs, reward, terminated, truncated, final_obs = theirs
        assert_same(terminated, hits)
        assert_same(truncated, cuts)
        assert_same(reward, rewards.astype(np.float32))
        assert_same(final_obs, expected)
        assert_same(obs[~over], expected[~over])
        assert_same(obs, tensor.observation)

        # What restarts, restarts at random: put all where the vectorised form is.
        tensor.set_state(vector.state, vector.elapsed)
        for index in np.flatnonzero(over):
            plain[index].set_state(one(vector.state, index))
