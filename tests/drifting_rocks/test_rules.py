"""The parameters, and single steps worked out by hand."""

import numpy as np
import pytest

from drifting_rocks import Rules, State, advance, start
from drifting_rocks.rules import THRUSTS, draws, observe, wrap


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rocks": 0}, "rocks=0 is not allowed: it must be an integer from 1 to 32"),
        ({"rocks": 33}, "rocks=33 is not"),
        ({"rocks": 2.0}, "rocks=2.0 is not"),
        ({"rocks": True}, "rocks=True is not"),
        ({"steps": 0}, "steps=0 is not allowed: it must be an integer from 1"),
        (
            {"rock_radius": 0},
            "rock_radius=0 is not allowed: it must be a number from 1e-06 to 0.25",
        ),
        ({"rock_radius": 0.3}, "rock_radius=0.3 is not"),
        ({"rock_speed": float("nan")}, "rock_speed=nan is not"),
        ({"rock_speed": "0.1"}, "rock_speed='0.1' is not"),
        ({"thrust": -0.1}, "thrust=-0.1 is not"),
        ({"rock_speed": 1e-300}, "rock_speed=1e-300 is not"),
        ({"drag": 1.1}, "drag=1.1 is not allowed: .* to 1"),
        ({"drag": float("inf")}, "drag=inf is not"),
        ({"actions": "keys"}, "actions='keys' is not allowed: .*'continuous', 'discrete'"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(parameters, message) -> None:
    with pytest.raises(ValueError, match=message):
        Rules(**parameters)


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(TypeError, match="speed"):
        Rules(speed=3)


def test_the_discrete_thrusts_are_all_directions_and_none() -> None:
    assert THRUSTS[0] == (0, 0)
    assert sorted(THRUSTS) == sorted({(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)})


def floats(*values) -> np.ndarray:
    return np.array(values, np.float32)


def game(
    velocity=(0.0, 0.0), beacon=(0.9, 0.9), rock=(-0.9, -0.9), drift=(0.0, 0.0), craft=(0.0, 0.0)
) -> State:
    """A game with one rock."""
    return State(
        floats(*craft), floats(*velocity), floats(*beacon), floats(*rock)[:, None],
        floats(*drift)[:, None],
    )  # fmt: skip


RULES = Rules(rocks=1, thrust=0.01, drag=0.25, rock_radius=0.1)
NEXT = floats(0.5, -0.5)


def play(state: State, thrust=(0.0, 0.0)) -> tuple[State, bool, bool]:
    after, reached, hit = advance(RULES, state, floats(*thrust), NEXT)
    assert all(part.dtype == np.float32 for part in after)
    return after, bool(reached), bool(hit)


def test_thrust_gives_speed_and_drag_takes_its_share() -> None:
    after, *_ = play(game(velocity=(0.04, -0.02)), thrust=(1, -0.5))
    np.testing.assert_allclose(after.velocity, [0.04, -0.02], atol=1e-8)  # top speed stays
    after, *_ = play(game(velocity=(0.04, 0)))
    np.testing.assert_allclose(after.velocity, [0.03, 0], atol=1e-8)
    assert RULES.top_speed == 0.04


def test_thrust_beyond_full_counts_as_full() -> None:
    np.testing.assert_array_equal(
        play(game(), thrust=(7, -3))[0].velocity, play(game(), thrust=(1, -1))[0].velocity
    )


def test_the_craft_flies_with_its_new_velocity_and_what_is_around_it_comes_nearer() -> None:
    after, *_ = play(game(velocity=(0.04, 0), drift=(0, 0.02)), thrust=(0, 1))
    np.testing.assert_allclose(after.craft, [0.03, 0.01], atol=1e-7)
    np.testing.assert_allclose(after.beacon, [0.87, 0.89], atol=1e-7)
    np.testing.assert_allclose(after.rocks[:, 0], [-0.93, -0.89], atol=1e-7)
    np.testing.assert_array_equal(after.drift, game(drift=(0, 0.02)).drift)


def test_what_leaves_at_one_edge_enters_at_the_other() -> None:
    after, *_ = play(
        game(velocity=(-0.04, 0), craft=(-0.99, 0), beacon=(0.99, 0.5), rock=(0.98, 0))
    )
    np.testing.assert_allclose(after.craft, [0.98, 0], atol=1e-7)
    np.testing.assert_allclose(after.beacon, [-0.98, 0.5], atol=1e-7)
    np.testing.assert_allclose(after.rocks[:, 0], [-0.99, 0], atol=1e-7)
    np.testing.assert_array_equal(
        wrap(floats(-3, -1.5, -1, 0.25, 1, 2.75)), [1, 0.5, -1, 0.25, 1, 0.75]
    )


@pytest.mark.parametrize(
    ("x", "y", "reached"), [(0.199, 0, 1), (0.201, 0, 0), (0.14, 0.14, 1), (0.145, -0.145, 0)]
)
def test_a_beacon_is_reached_when_craft_and_beacon_touch_and_the_next_one_appears(
    x, y, reached
) -> None:
    after, got, hit = play(game(beacon=(x, y)))
    assert (got, hit) == (bool(reached), False)
    np.testing.assert_array_equal(after.beacon, NEXT if reached else floats(x, y))


@pytest.mark.parametrize(
    ("x", "y", "hit"), [(-0.149, 0, 1), (0.151, 0, 0), (0.105, 0.105, 1), (-0.11, 0.11, 0)]
)
def test_a_rock_is_hit_when_craft_and_rock_touch(x, y, hit) -> None:
    assert play(game(rock=(x, y)))[1:] == (False, bool(hit))


def test_a_beacon_that_is_reached_in_the_step_of_a_hit_counts() -> None:
    assert play(game(rock=(0.1, 0), beacon=(0, 0.1)))[1:] == (True, True)


def test_any_rock_can_be_hit_and_of_no_other_game() -> None:
    rules = Rules(rocks=3)
    for rock in range(3):
        far = np.full((2, 3, 4), 0.8, np.float32)
        far[:, rock, 2] = 0.05
        at_rest = np.zeros((2, 4), np.float32)
        state = State(at_rest, at_rest, at_rest + np.float32(0.9), far, far * 0)
        _, reached, hit = advance(rules, state, at_rest, at_rest)
        assert hit.tolist() == [False, False, True, False]
        assert not reached.any()


def test_a_step_leaves_the_state_before_it_alone() -> None:
    state = game(velocity=(0.01, 0), beacon=(0.1, 0), drift=(0.01, 0))
    kept = State(*(part.copy() for part in state))
    play(state, thrust=(1, 1))
    for ours, theirs in zip(state, kept, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_game_starts_at_rest_with_the_rocks_away() -> None:
    rules = Rules(rocks=5, rock_speed=0.03)
    uniform = np.random.default_rng(0).random((2, draws(rules), 2000), np.float32)
    uniform[..., 0], uniform[..., 1] = 0, 1 - 2**-24  # the ends
    state = start(rules, uniform)
    assert all(part.dtype == np.float32 for part in state)
    assert not state.craft.any() and not state.velocity.any()
    assert abs(state.rocks).min() > 0.2999 and abs(state.rocks).max() <= 1
    assert abs(state.drift).max() <= np.float32(0.03)
    # Uniform in what is left to them: means and deviations within 5 standard errors.
    for values, half in (
        (state.beacon, 1),
        (state.drift / 0.03, 1),
        (abs(state.rocks) - 0.65, 0.35),
    ):
        sample = values[..., 2:].astype(float)
        assert abs(sample.mean()) < 5 * half / np.sqrt(3 * sample.size)
        assert abs(sample.std() / half - 1 / np.sqrt(3)) < 5 / np.sqrt(sample.size)


def test_what_is_seen_is_in_bounds_and_in_order() -> None:
    rules = Rules(rocks=2, thrust=0.01, drag=0.25, rock_speed=0.02)
    state = State(
        floats(0.3, 0.4), floats(0.04, -0.02), floats(0.5, -0.6),
        floats([0.1, 0.2], [0.3, 0.4]), floats([0.02, -0.02], [0.01, 0]),
    )  # fmt: skip
    seen = np.concatenate(observe(rules, state))
    expected = [1, -0.5, 0.5, -0.6, 0.1, 0.2, 0.3, 0.4, 1, -1, 0.5, 0]
    np.testing.assert_allclose(seen, expected, atol=1e-6)
    assert seen.shape == (rules.observation_size,)
    assert abs(seen).max() <= 1
