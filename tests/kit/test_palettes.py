"""Films of 256 colours: their own, dithered, and still where nothing moves."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from rockfall.kit.palettes import in_palette, palette_of, thresholds
from rockfall.kit.pictures import save_gif
from rockfall.kit.spool import Spool


def frames_of(path: Path) -> list[np.ndarray]:
    with Image.open(path) as film:
        found = []
        for place in range(getattr(film, "n_frames", 1)):
            film.seek(place)
            found.append(np.asarray(film.convert("RGBA")))
        return found


def sky(height: int = 60, width: int = 90) -> np.ndarray:
    """From deep blue to white, with some green below."""
    down = np.linspace(0, 1, height)[:, None, None]
    page = (1 - down) * np.array([40, 110, 230]) + down * np.array([250, 250, 255])
    page = np.broadcast_to(page, (height, width, 3)).copy()
    page[-height // 4 :] = (30, 120, 40)
    return page.round().astype(np.uint8)


def embers(height: int = 60, width: int = 90, seed: int = 0) -> np.ndarray:
    """Nothing but reds and yellows, all over."""
    random = np.random.default_rng(seed)
    red, green = (
        random.integers(120, 256, (height, width)),
        random.integers(0, 200, (height, width)),
    )
    return np.stack((red, green, np.zeros_like(red)), -1).astype(np.uint8)


def noise(height: int = 60, width: int = 90) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def soft(picture: np.ndarray) -> np.ndarray:
    """As seen from afar, where dithering is a colour."""
    image = Image.fromarray(picture[..., :3])
    return np.asarray(image.filter(ImageFilter.GaussianBlur(3)), float)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 255), st.integers(1, 5), st.integers(0, 1 << 30), st.booleans())
def test_few_colours_are_exact(
    tmp_path_factory: pytest.TempPathFactory, count: int, length: int, seed: int, clear: bool
) -> None:
    """Those of games and drawings: the very same pixels come back, and what is transparent."""
    random = np.random.default_rng(seed)
    colours = random.integers(0, 256, (count, 3), np.uint8)
    frames = [colours[random.integers(0, count, (13, 17))] for _ in range(length)]
    if clear:
        alpha = random.choice([0, 255], (length, 13, 17, 1)).astype(np.uint8)
        alpha[0, 0, 0] = 0
        frames = [np.concatenate(both, -1) for both in zip(frames, alpha, strict=True)]
    path = tmp_path_factory.mktemp("film") / "a.gif"
    found = frames_of(save_gif(path, iter(frames), 10))
    different = [frames[0]]
    for frame in frames[1:]:
        if not np.array_equal(frame, different[-1]):
            different.append(frame)
    shown = [_on_black(frame) for frame in found]
    assert len(shown) == len(different)
    for one, wanted in zip(shown, different, strict=True):
        np.testing.assert_array_equal(one, _on_black(wanted))


def _on_black(frame: np.ndarray) -> np.ndarray:
    if frame.shape[-1] == 3:
        return frame
    return np.where(frame[..., 3:] == 0, 0, frame[..., :3]).astype(np.uint8)


@pytest.mark.parametrize("others", [embers, noise])
@pytest.mark.parametrize("place", ["first", "last", "middle"])
def test_a_sky_stays_blue_among_frames_of_other_colours(
    tmp_path: Path, others: Callable[..., np.ndarray], place: str
) -> None:
    """Wherever in the film it is: its colours, from afar, are those that it has."""
    frames = [others()] * 40
    at = {"first": 0, "middle": 20, "last": 39}[place]
    frames[at] = sky()
    found = frames_of(save_gif(tmp_path / "a.gif", frames, 10))
    seen = min(found, key=lambda frame: np.abs(soft(frame) - soft(sky())).mean())
    apart = np.abs(soft(seen) - soft(sky()))
    assert apart.mean() < 3 and apart[5:40, 5:-5].max() < 12


def test_steps_of_colour_are_dithered_and_not_banded() -> None:
    """A slope over 64 levels in a palette of 8 is as even, from afar, as without a palette."""
    slope = np.broadcast_to(np.linspace(90, 154, 128)[None, :, None], (64, 128, 3))
    frame = slope.round().astype(np.uint8)
    colours = np.repeat(np.linspace(90, 154, 8).round().astype(np.uint8)[:, None], 3, 1)
    made = colours[in_palette(frame, colours)]
    banded = colours[np.abs(slope[..., :1] - colours[:, 0]).argmin(-1)]
    inside = np.s_[6:-6, 6:-6]
    error = np.abs(soft(made) - soft(frame))[inside]
    assert error.mean() < np.abs(soft(banded) - soft(frame))[inside].mean() / 2
    assert error.max() < 2.5


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1 << 30))
def test_what_does_not_move_does_not_flicker(seed: int) -> None:
    """A pixel that stays as it is is shown as it was, whatever happens beside and above it."""
    random = np.random.default_rng(seed)
    colours = random.integers(0, 256, (40, 3), np.uint8)
    first = random.integers(0, 256, (24, 31, 3), np.uint8)
    second = first.copy()
    moved = random.random((24, 31)) < 0.3
    second[moved] = random.integers(0, 256, (int(moved.sum()), 3), np.uint8)
    one, other = in_palette(first, colours), in_palette(second, colours)
    np.testing.assert_array_equal(one[~moved], other[~moved])


def test_a_colour_of_the_palette_is_itself() -> None:
    colours = noise(1, 256)[0]
    places = np.random.default_rng(2).integers(0, 256, (20, 20))
    np.testing.assert_array_equal(colours[in_palette(colours[places], colours)], colours[places])


def test_thresholds_are_even_and_unlike_their_neighbours() -> None:
    found = thresholds(100, 120)
    share = np.histogram(found, 10, (0, 1))[0] / found.size
    assert share.min() > 0.08 and share.max() < 0.12
    assert np.abs(np.diff(found, axis=1)).mean() > 0.3 and np.abs(np.diff(found, axis=0)).min() > 0


def test_a_palette_has_as_many_colours_as_it_was_asked_for() -> None:
    assert palette_of([np.zeros((2, 2, 3), np.uint8)]).shape == (256, 3)
    assert palette_of([noise()], 255).shape == (255, 3)


def test_each_frame_lasts_as_long_as_it_is_told(tmp_path: Path) -> None:
    frames = [np.full((4, 4, 3), level, np.uint8) for level in (0, 90, 180)]
    path = save_gif(tmp_path / "a.gif", frames, 10, durations=[50, 200, 120])
    with Image.open(path) as film:
        found = []
        for place in range(3):
            film.seek(place)
            found.append(film.info["duration"])
    assert found == [50, 200, 120]


def test_nothing_is_left_of_a_film_that_breaks_off(tmp_path: Path) -> None:
    def frames() -> object:
        yield noise()
        raise RuntimeError("the game broke")

    with pytest.raises(RuntimeError, match="the game broke"):
        save_gif(tmp_path / "a.gif", frames(), 10)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_spool_gives_back_what_it_was_given_as_often_as_asked() -> None:
    random = np.random.default_rng(0)
    shapes = ((3, 4, 3), (1, 1, 4), (200, 100, 3))
    given = [random.integers(0, 256, shape, np.uint8) for shape in shapes]
    given.append(given[2][:, ::2])  # not contiguous
    with contextlib.closing(Spool(iter(given))) as spool:
        assert len(spool) == 4
        for _ in range(2):
            for one, other in zip(spool, given, strict=True):
                np.testing.assert_array_equal(one, other)
