"""Pictures of a process step by step: which steps are shown, on paper and as a film."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console

from rockfall.kit import progress
from rockfall.kit.drawing import in_rows, sheet, steps
from rockfall.kit.drawing.steps import WIDEST, on_paper, one_two_five, picked, save_film
from rockfall.kit.schedules import geometric_steps

SHAPE = (1, 4, 4)


@given(count=st.integers(1, 3000), further=st.booleans())
def test_of_the_steps_the_first_and_the_last_are_always_shown(count: int, further: bool) -> None:
    places = geometric_steps(steps.FURTHER) if further else one_two_five()
    wanted = set(itertools.takewhile(lambda place: place < count, places))
    chosen = geometric_steps(steps.FURTHER) if further else one_two_five()
    shown = list(picked((f"step {place}" for place in range(count)), chosen))
    assert [place for place, _ in shown] == sorted(wanted | {0, count - 1})
    assert all(step == f"step {place}" for place, step in shown)


def test_round_numbers_on_paper() -> None:
    assert list(itertools.islice(one_two_five(), 9)) == [0, 1, 2, 5, 10, 20, 50, 100, 200]


def test_a_film_shows_most_of_the_beginning() -> None:
    places = list(
        itertools.takewhile(lambda place: place < 100_000, geometric_steps(steps.FURTHER))
    )
    assert places[:17] == list(range(17))
    assert len([place for place in places if place <= 1000]) == pytest.approx(60, abs=2)
    assert len(places) <= 110
    gaps = np.diff(places)
    assert (np.diff(gaps) >= -1).all()  # as far as whole numbers can be


def test_on_paper_a_column_is_a_step_and_a_row_an_example() -> None:
    levels = [[30, 60, 90], [130, 160, 190]]
    shown = [
        (step, torch.tensor(column, dtype=torch.uint8).view(3, 1, 1, 1).expand(3, *SHAPE))
        for step, column in zip((0, 1000), levels, strict=True)
    ]
    page = np.asarray(on_paper(shown))[..., 0]
    # Each level's tile is 48 × 48 pixels; letters have a few pixels of any level.
    places = {level: np.median(np.argwhere(page == level), 0) for level in itertools.chain(*levels)}
    for first, second in zip(*levels, strict=True):
        assert places[first][0] == pytest.approx(places[second][0], abs=2)
        assert places[second][1] - places[first][1] > 48
    for column in levels:
        tops = [places[level][0] for level in column]
        assert np.diff(tops) == pytest.approx([52, 52], abs=2)


@pytest.mark.long
def test_a_film_looks_best_where_it_rests(tmp_path: Path) -> None:
    """A palette of the noise that it begins with would make the end blotchy."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(256, (40, 4, 3, 16, 16), generator=generator).to(torch.uint8)
    ramp = torch.arange(16, dtype=torch.uint8)
    end = torch.stack([100 + ramp + 2 * k for k in range(4)])[:, None, None].expand(4, 3, 16, 16)
    last = save_film(tmp_path / "a.gif", [*noise, end])
    assert torch.equal(last, end)
    expected = np.asarray(sheet(in_rows(end))).astype(int)
    with Image.open(tmp_path / "a.gif") as film:
        film.seek(film.n_frames - 1)
        found = np.asarray(film.convert("RGB")).astype(int)
        assert film.info["duration"] >= 2000
    assert np.abs(found[: len(expected), : expected.shape[1]] - expected).max() <= 4


@pytest.mark.long
@pytest.mark.parametrize("count", [1, 400])
def test_a_film_of_few_or_many_has_one_sane_size(count: int, tmp_path: Path) -> None:
    steps = (torch.zeros(count, *SHAPE, dtype=torch.uint8) for _ in range(12))
    save_film(tmp_path / "a.gif", steps)
    with Image.open(tmp_path / "a.gif") as film:
        assert film.width <= WIDEST
        assert film.height <= WIDEST + 40
        captions = []
        for frame in range(film.n_frames):
            film.seek(frame)
            captions.append(np.asarray(film.convert("L"))[-18:].tobytes())
    assert len(set(captions)) == len(captions) == 12


def test_steps_of_unknown_number_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(1000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(now)))
    console = Console(file=io.StringIO(), force_terminal=False, width=80)
    assert list(progress.counted(range(20), None, "steps made", console)) == list(range(20))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.splitlines() == ["steps made: 2", "steps made: 17"]
