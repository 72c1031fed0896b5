"""The baselines: the oracle's plan is optimal, and the bounds are bounds."""

from itertools import product

import numpy as np
import pytest

from falling_rocks import Rules, State, policies
from falling_rocks.planning import plan
from falling_rocks.vector import FallingRocksVectorEnv


def catches(rules: Rules, bowl: int, path: tuple[int, ...], landings: list[int]) -> tuple[int, int]:
    """Rocks caught on a path, and minus twice the distance of its end from the centre."""
    caught = 0
    for action, landing in zip(path, landings, strict=True):
        bowl = min(max(bowl + (0, -1, 1)[action], 0), rules.size - 1)
        caught += landing != -1 and abs(landing - bowl) <= rules.bowl_width // 2
    return caught, -abs(2 * bowl - (rules.size - 1))


@pytest.mark.parametrize(("size", "bowl_width"), [(3, 1), (4, 1), (5, 3), (6, 1)])
def test_no_path_is_better_than_the_one_that_is_planned(size, bowl_width) -> None:
    rules = Rules(size=size, bowl_width=bowl_width)
    generator = np.random.default_rng(size)
    games = 40
    horizon = 5
    landings = generator.integers(-1, size, size=(horizon, games))
    bowl = generator.integers(size, size=games)
    remaining = generator.integers(1, horizon + 2, size=games)
    planned = plan(rules, bowl, list(landings), remaining)
    for game in range(games):
        rocks = [
            rock if step < remaining[game] else -1 for step, rock in enumerate(landings[:, game])
        ]
        score = {
            path: catches(rules, bowl[game], path, rocks) for path in product(range(3), repeat=5)
        }
        best = max(score.values())
        starts = {path[0] for path, value in score.items() if value == best}
        centred = {
            action: catches(rules, bowl[game], (action,), [-1])[1] for action in sorted(starts)
        }
        assert planned[game] == max(centred, key=lambda action: centred[action])


def test_of_paths_that_catch_as_many_one_that_ends_near_the_centre_is_taken() -> None:
    # Either the rock on the right, and back towards the centre, or the one on the far left.
    landings = [np.array([rock]) for rock in (-1, 5, 0)]
    action = plan(Rules(size=7, bowl_width=1), np.array([3]), landings, np.array([9]))
    assert action.tolist() == [2]


def test_with_nothing_to_catch_the_bowl_goes_to_the_centre_and_stays() -> None:
    env = FallingRocksVectorEnv(5, size=5)
    nothing = np.full(5, -1)
    env.set_state(State((nothing,) * 5, np.arange(5)))
    assert policies.oracle(env)(env.observation).tolist() == [2, 2, 0, 1, 1]


def test_a_rock_that_lands_after_the_end_is_not_worth_going_for() -> None:
    env = FallingRocksVectorEnv(1, size=5, bowl_width=1, steps=64)
    nothing = np.array([-1])
    # The rock is two columns left of the bowl and lands after two steps.
    state = State((nothing, nothing, np.array([0]), nothing, nothing), np.array([2]))
    env.set_state(state, elapsed=62)
    assert policies.oracle(env)(env.observation).tolist() == [1]
    env.set_state(state, elapsed=63)
    assert policies.oracle(env)(env.observation).tolist() == [0]


def returns(name: str, num_envs: int = 2048, **parameters: object) -> np.ndarray:
    env = FallingRocksVectorEnv(num_envs, **parameters)
    return policies.episode_returns(env, getattr(policies, name)(env), seed=0)


@pytest.mark.parametrize("size", [8, 16])
def test_random_then_oracle_then_clairvoyant(size) -> None:
    random, oracle, clairvoyant = (
        returns(name, size=size) for name in ("random", "oracle", "clairvoyant")
    )
    assert (clairvoyant >= oracle).all()
    assert clairvoyant.mean() > oracle.mean() > 2 * random.mean()


def test_on_16x16_the_oracle_gets_between_four_and_five_times_random() -> None:
    assert 4 < returns("oracle", size=16).mean() / returns("random", size=16).mean() < 5


def test_the_clairvoyant_gets_what_the_best_of_all_action_sequences_gets() -> None:
    parameters = {"size": 5, "bowl_width": 1, "steps": 8, "rock_probability": 0.9}
    games = 30
    got = returns("clairvoyant", games, **parameters)
    env = FallingRocksVectorEnv(games, **parameters)
    env.reset(seed=0)
    spawns = env.upcoming_spawns(8)

    paths = np.array(list(product(range(3), repeat=8)))
    every = FallingRocksVectorEnv(games * len(paths), **parameters)
    rocks = tuple(rock.repeat(len(paths)) for rock in env.state.rocks)
    every.set_state(State(rocks, env.state.bowl.repeat(len(paths))))
    total = np.zeros(every.num_envs)
    for actions, spawn in zip(paths.T, spawns, strict=True):
        total += every.advance(np.tile(actions, games), spawn.repeat(len(paths)))[1]
    np.testing.assert_array_equal(got, total.reshape(games, -1).max(axis=1))


def test_a_policy_draws_the_same_actions_for_the_same_seed() -> None:
    env = FallingRocksVectorEnv(50)
    observation, _ = env.reset(seed=0)
    ours, same, other = (policies.random(env, seed)(observation) for seed in (1, 1, 2))
    assert (ours == same).all()
    assert (ours != other).any()
    assert set(ours) == {0, 1, 2}
