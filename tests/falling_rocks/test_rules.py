"""The parameters, and single steps worked out by hand."""

import numpy as np
import pytest

from falling_rocks import NO_ROCK, Rules, State, advance, start

STAY, LEFT, RIGHT = np.arange(3)


def test_the_defaults_are_the_8x8_game() -> None:
    rules = Rules()
    assert (rules.size, rules.bowl_width, rules.rock_probability, rules.steps) == (8, 3, 0.15, 64)
    assert rules.observation_shape == (8, 8)
    assert Rules(size=5, observation="planes").observation_shape == (2, 5, 5)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"size": 2}, "size=2 is not allowed: it must be from 3 to 128"),
        ({"size": 129}, "size=129 is not"),
        ({"size": 8.0}, "size=8.0 is not allowed: it must be an integer"),
        ({"bowl_width": 4}, "bowl_width=4 is not allowed: it must be odd, from 1 to the size"),
        ({"bowl_width": 9}, "bowl_width=9 is not"),
        ({"bowl_width": -1}, "bowl_width=-1 is not"),
        ({"rock_probability": 0}, "rock_probability=0 is not allowed: it must be a number above"),
        ({"rock_probability": "0.2"}, "rock_probability='0.2' is not"),
        ({"rock_probability": 1.01}, "rock_probability=1.01 is not"),
        ({"steps": 0}, "steps=0 is not allowed: it must be at least 1"),
        ({"observation": "pixels"}, "observation='pixels' is not allowed: .*'screen', 'planes'"),
        ({"dtype": "int64"}, "dtype='int64' is not allowed: .*'uint8', 'float32'"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(parameters, message) -> None:
    with pytest.raises(ValueError, match=message):
        Rules(**parameters)


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(TypeError, match="speed"):
        Rules(speed=3)


def test_a_game_starts_with_one_rock_in_the_top_row() -> None:
    assert start(Rules(size=3), np.int64(2), np.int64(0)) == State((2, NO_ROCK, NO_ROCK), 0)


def play(rules: Rules, rocks: list[int], bowl: int, action: int, spawn: int):
    state = State(tuple(np.int64(rock) for rock in rocks), np.int64(bowl))
    after, reward = advance(rules, state, action, np.int64(spawn))
    return list(after.rocks), after.bowl, reward


@pytest.mark.parametrize(
    ("bowl", "action", "after"),
    [(2, STAY, 2), (2, LEFT, 1), (2, RIGHT, 3), (0, LEFT, 0), (4, RIGHT, 4)],
)
def test_the_bowl_moves_and_its_centre_stays_on_the_grid(bowl, action, after) -> None:
    assert play(Rules(size=5), [-1] * 5, bowl, action, -1) == ([-1] * 5, after, 0)


@pytest.mark.parametrize(("rock", "reward"), [(0, 0), (1, 1), (2, 1), (3, 1), (4, 0)])
def test_a_rock_is_caught_by_the_bowl_after_its_move(rock, reward) -> None:
    rocks, bowl, got = play(Rules(size=5), [-1, 3, -1, rock, 0], 1, RIGHT, 4)
    assert (rocks, bowl, got) == ([4, -1, 3, -1, rock], 2, reward)


def test_the_bowl_at_the_edge_hangs_over_and_does_not_reach_round() -> None:
    assert play(Rules(size=3), [-1, 2, -1], 0, LEFT, -1)[2] == 0
    assert play(Rules(size=3), [-1, 1, -1], 0, LEFT, -1)[2] == 1


def test_no_rock_is_neither_caught_nor_missed() -> None:
    rules = Rules(size=3, miss_penalty=True)
    assert play(rules, [0, -1, 0], 0, STAY, -1)[2] == 0


def test_a_miss_costs_one_where_the_rules_say_so() -> None:
    rules = Rules(size=5, miss_penalty=True)
    assert play(rules, [-1, -1, -1, 4, -1], 1, STAY, -1)[2] == -1
    assert play(rules, [-1, -1, -1, 2, -1], 1, STAY, -1)[2] == 1


def test_a_step_leaves_the_state_before_it_alone() -> None:
    rocks = tuple(np.array([row, -1]) for row in range(3))
    state = State(rocks, np.array([1, 0]))
    before = np.array(rocks), state.bowl.copy()
    advance(Rules(size=3), state, np.array([2, 2]), np.array([0, 1]))
    np.testing.assert_array_equal(np.array(state.rocks), before[0])
    np.testing.assert_array_equal(state.bowl, before[1])
