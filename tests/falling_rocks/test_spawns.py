"""When and where rocks appear: with the right probability, uniformly, and independently.

The seeds are fixed, so that a test never fails by chance; the bounds are those that a right
generator passes with all but one seed in thousands.
"""

import numpy as np
import pytest
import torch

from falling_rocks.env import FallingRocksEnv
from falling_rocks.rules import Rules
from falling_rocks.spawns import SpawnStream, columns, slots
from falling_rocks.tensor import FallingRocksTensorEnv
from falling_rocks.vector import FallingRocksVectorEnv


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    """Pearson's statistic in standard deviations above its mean, roughly."""
    freedom = counts.size - 1
    return (((counts - expected) ** 2 / expected).sum() - freedom) / np.sqrt(2 * freedom)


def plain_spawns(steps: int, rules: Rules) -> np.ndarray:
    env = FallingRocksEnv(**{**vars(rules), "steps": steps})
    env.reset(seed=0)
    return np.array([env.step(0) and env.state.rocks[0] for _ in range(steps)])


def vector_spawns(steps: int, rules: Rules) -> np.ndarray:
    env = FallingRocksVectorEnv(500, **vars(rules))
    env.reset(seed=0)
    return np.stack(env.upcoming_spawns(steps // 500))


def tensor_spawns(steps: int, rules: Rules) -> np.ndarray:
    env = FallingRocksTensorEnv(500, seed=0, **{**vars(rules), "steps": steps})
    env.reset()
    stay = torch.zeros(500, dtype=torch.int64)
    return np.stack([env.step(stay) and env.state.rocks[0].numpy() for _ in range(steps // 500)])


@pytest.mark.long
@pytest.mark.parametrize("rules", [Rules(size=16), Rules(size=5, rock_probability=0.9)], ids=str)
@pytest.mark.parametrize(
    ("spawns", "steps"), [(plain_spawns, 20_000), (vector_spawns, 10**6), (tensor_spawns, 10**6)]
)
def test_every_column_is_as_likely_as_the_rules_say(spawns, steps, rules) -> None:
    drawn = spawns(steps, rules)
    counts = np.bincount(drawn.ravel() + 1, minlength=rules.size + 1)
    probability = np.full(rules.size + 1, rules.rock_probability / rules.size)
    probability[0] = 1 - rules.rock_probability
    assert len(counts) == rules.size + 1
    assert abs(chi_square(counts, probability * drawn.size)) < 4


def test_with_probability_one_every_step_brings_a_rock() -> None:
    drawn = vector_spawns(10**6, Rules(size=3, rock_probability=1))
    assert drawn.min() == 0
    assert drawn.max() == 2


@pytest.mark.parametrize("size", [3, 7, 16, 127])
@pytest.mark.parametrize("probability", [0.001, 0.15, 1.0])
def test_the_ends_of_the_unit_interval_stay_on_the_grid(size, probability) -> None:
    rules = Rules(size=size, rock_probability=probability)
    ends = np.array([0, 1 - 2**-24], np.float32)
    first, last = columns(rules, slots(rules, ends).astype(np.int16))
    assert first == size - 1
    assert last == (0 if probability == 1 else -1)


def correlation(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The correlation, in standard errors from none."""
    return np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] * np.sqrt(ours.size)


@pytest.mark.long
@pytest.mark.parametrize("spawns", [vector_spawns, tensor_spawns])
def test_games_and_steps_are_independent(spawns) -> None:
    drawn = spawns(10**6, Rules(size=16)).astype(float)
    for signal in (drawn, drawn >= 0):
        assert abs(correlation(signal[:, 1:], signal[:, :-1])) < 4
        assert abs(correlation(signal[1:], signal[:-1])) < 4


def test_starts_are_uniform_and_independent_of_each_other() -> None:
    env = FallingRocksVectorEnv(100_000)
    env.reset(seed=0)
    counts = np.bincount(env.state.rocks[0] * 8 + env.state.bowl, minlength=64)
    assert abs(chi_square(counts, np.full(64, 100_000 / 64))) < 4


def test_peeking_at_spawns_changes_nothing() -> None:
    env = FallingRocksVectorEnv(2, steps=5)
    env.reset(seed=0)
    upcoming = env.upcoming_spawns(700)
    other = FallingRocksVectorEnv(2, steps=5)
    other.reset(seed=0)
    for spawns in upcoming:
        step = env.step([0, 0])
        np.testing.assert_array_equal(step[0], other.step([0, 0])[0])
        if not step[3].any():
            np.testing.assert_array_equal(env.state.rocks[0], spawns)


def test_a_stream_gives_spawns_in_the_order_in_which_they_were_sampled() -> None:
    counter = iter(range(10**6))
    stream = SpawnStream(30_000, lambda steps: [next(counter) for _ in range(steps)])
    assert [stream.next() for _ in range(5)] == [0, 1, 2, 3, 4]
    assert stream.peek(6) == [5, 6, 7, 8, 9, 10]
    pending = stream.pending
    assert stream.next() == 5
    stream.pending = pending
    assert stream.next() == 5
