"""Frames, and what needs a display."""

import sys

import gymnasium
import numpy as np
import pytest

from drifting_rocks.env import DriftingRocksEnv
from drifting_rocks.vector import DriftingRocksVectorEnv


def put(env: DriftingRocksEnv, craft=(0, 0), beacon=(0.5, 0.5), rock=(-0.5, -0.5), velocity=(0, 0)):
    """One rock, the places on the torus given."""
    env.reset(seed=0)
    craft, beacon, rock, velocity = (np.float32(part) for part in (craft, beacon, rock, velocity))
    state = env.state._replace(
        craft=craft, velocity=velocity, beacon=beacon - craft, rocks=(rock - craft)[:, None]
    )
    env.set_state(state)
    return env.render()


def text(**things) -> list[str]:
    return put(DriftingRocksEnv("ansi", rocks=1), **things).splitlines()


def test_text_shows_the_craft_the_beacon_and_rocks_where_they_are() -> None:
    lines = text(rock=(-0.47, -0.56), velocity=(0.01, 0))
    assert len(lines) == 16 and {len(line) for line in lines} == {32}
    found = {
        cell: {
            (row, column) for row in range(16) for column in range(32) if lines[row][column] == cell
        }
        for cell in set("".join(lines))
    }
    del found["."]
    assert found == {
        "o": {(3, 7), (3, 8), (3, 9)},
        ">": {(8, 16)},
        "+": {(row, column) for row in (11, 12) for column in range(22, 26)},
    }


@pytest.mark.parametrize(
    ("velocity", "arrow"), [((0, 0), "^"), ((-1, 0.5), "<"), ((0.1, 1), "v"), ((0, -1), "^")]
)
def test_the_craft_points_to_where_it_flies(velocity, arrow) -> None:
    assert text(velocity=velocity)[8][16] == arrow


def test_text_shows_a_hit_and_what_crosses_an_edge() -> None:
    assert text(rock=(0.05, 0))[8][16] == "*"
    lines = text(rock=(-0.99, 0.02))
    assert lines[8][0] == lines[8][-1] == "o"
    assert text(craft=(1, 1))[0][0] == "^"  # where -1 is


def picture(**things) -> np.ndarray:
    return put(DriftingRocksEnv("rgb_array", rocks=1), **things)


def changed(ours: np.ndarray, theirs: np.ndarray) -> set[tuple[int, int]]:
    """Of 8 x 8 squares of the picture, those that differ."""
    different = (ours != theirs).any(-1).reshape(8, 32, 8, 32).any((1, 3))
    return {(int(row), int(column)) for row, column in np.argwhere(different)}


def test_a_picture_shows_things_where_they_are() -> None:
    first = picture(rock=(-0.625, -0.625), beacon=(0.625, 0.625))
    assert first.shape == (256, 256, 3) and first.dtype == np.uint8
    moved = picture(rock=(-0.625, 0.875), beacon=(0.625, 0.625))
    assert changed(first, moved) == {(1, 1), (7, 1)}
    moved = picture(rock=(-0.625, -0.625), beacon=(0.625, -0.375))
    # Around (6, 6) and (2, 6), with its glow.
    assert changed(first, moved) == {(r, c) for r in (1, 2, 3, 5, 6, 7) for c in (5, 6, 7)}
    moved = picture(rock=(-0.625, -0.625), beacon=(0.625, 0.625), craft=(-0.375, 0.625))
    assert changed(first, moved) == {(3, 3), (3, 4), (4, 3), (4, 4), (6, 2)}


def test_a_picture_shows_what_crosses_an_edge_at_both() -> None:
    inside, across = picture(rock=(-0.625, -0.625)), picture(rock=(1, -0.625))
    assert changed(inside, across) == {(1, 1), (1, 0), (1, 7)}


def test_a_trail_is_as_long_as_the_craft_is_fast() -> None:
    rest, slow, fast = (picture(velocity=(speed, 0)).astype(int) for speed in (0, 0.02, 0.08))
    sky = picture(craft=(0, -0.99)).astype(int)
    lengths = [
        int((abs(each - sky)[100:156].sum(-1) > 20).any(0).sum()) for each in (rest, slow, fast)
    ]
    assert lengths[0] < lengths[1] < lengths[2]


def test_the_vectorised_form_renders_every_game_and_the_last_frame_of_those_that_end() -> None:
    env = DriftingRocksVectorEnv(2, render_mode="ansi", steps=2)
    env.reset(seed=0)
    frames = env.render()
    assert [len(frame.splitlines()) for frame in frames] == [16, 16]
    assert frames[0] != frames[1]
    env.step(np.zeros((2, 2)))
    *_, infos = env.step(np.zeros((2, 2)))
    assert len(infos["final_frame"]) == 2
    assert infos["final_frame"] != env.render()


def test_without_a_render_mode_there_is_nothing_to_see() -> None:
    env = DriftingRocksEnv()
    env.reset(seed=0)
    assert env.render() is None


def test_an_unknown_render_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="render_mode='svg' is not allowed"):
        DriftingRocksEnv(render_mode="svg")
    with pytest.raises(ValueError, match="render_mode='human' is not allowed"):
        DriftingRocksVectorEnv(2, render_mode="human")


def test_only_a_window_needs_pygame_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(ImportError, match=r'needs pygame: pip install "drifting-rocks\[human\]"'):
        DriftingRocksEnv(render_mode="human")


def test_a_window_shows_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame = pytest.importorskip("pygame")
    env = gymnasium.make("rockfall/DriftingRocks-v0", render_mode="human")
    env.reset(seed=0)
    env.step(np.zeros(2, np.float32))
    assert pygame.display.get_surface().get_size() == (256, 256)
    env.close()
    assert not pygame.display.get_init()
