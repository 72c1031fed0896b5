"""Frames, and what needs a display."""

import sys

import gymnasium
import numpy as np
import pytest

from falling_rocks import State
from falling_rocks.env import FallingRocksEnv
from falling_rocks.vector import FallingRocksVectorEnv

STATE = State((2, -1, 0, -1, 3), 3)


def test_text_shows_rocks_the_bowl_and_a_rock_in_it() -> None:
    env = FallingRocksEnv(size=5, render_mode="ansi")
    env.set_state(STATE)
    assert env.render() == "..o..\n.....\no....\n.....\n..=@=\n"
    env.set_state(STATE._replace(bowl=0))
    assert env.render() == "..o..\n.....\no....\n.....\n==.o.\n"


@pytest.mark.parametrize(("size", "side"), [(3, 255), (8, 256), (16, 256), (100, 400)])
def test_a_picture_has_whole_cells_and_about_256_pixels_a_side(size, side) -> None:
    env = FallingRocksEnv(size=size, render_mode="rgb_array")
    env.reset(seed=0)
    picture = env.render()
    assert picture.shape == (side, side, 3)
    assert picture.dtype == np.uint8


def test_a_picture_shows_things_where_they_are() -> None:
    env = FallingRocksEnv(size=5, render_mode="rgb_array")
    env.set_state(State((-1,) * 5, 3))
    without = env.render().astype(int)
    env.set_state(STATE)
    changed = abs(env.render().astype(int) - without).sum(-1) > 0
    cells = changed.reshape(5, 51, 5, 51).any((1, 3))
    assert {(row, column) for row, column in np.argwhere(cells)} == {(0, 2), (2, 0), (4, 3)}

    env.set_state(STATE._replace(bowl=1))
    moved = env.render()
    red_over_blue = moved[-20, :, 0].astype(int) - moved[-20, :, 2]
    assert (red_over_blue.reshape(5, 51).max(1) > 60).tolist() == [True, True, True, False, False]


def test_the_vectorised_form_renders_every_game() -> None:
    env = FallingRocksVectorEnv(2, size=5, render_mode="ansi")
    env.reset(seed=0)
    frames = env.render()
    assert [len(frame.splitlines()) for frame in frames] == [5, 5]
    assert frames[0] != frames[1]


def test_without_a_render_mode_there_is_nothing_to_see() -> None:
    env = FallingRocksEnv()
    env.reset(seed=0)
    assert env.render() is None


def test_an_unknown_render_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="render_mode='svg' is not allowed"):
        FallingRocksEnv(render_mode="svg")
    with pytest.raises(ValueError, match="render_mode='human' is not allowed"):
        FallingRocksVectorEnv(2, render_mode="human")


def test_only_a_window_needs_pygame_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(ImportError, match=r'needs pygame: pip install "falling-rocks\[human\]"'):
        FallingRocksEnv(render_mode="human")


def test_a_window_shows_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame = pytest.importorskip("pygame")
    env = gymnasium.make("rockfall/FallingRocks-8x8-v0", render_mode="human")
    env.reset(seed=0)
    env.step(0)
    assert pygame.display.get_surface().get_size() == (256, 256)
    env.close()
    assert not pygame.display.get_init()
