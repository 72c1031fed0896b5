"""New examples and how they come about: what the kit asks, what is drawn, which steps are shown."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console
from torch import Tensor

from rockfall.kit import progress
from rockfall.kit.drawing import points, steps
from rockfall.kit.drawing.chart import BOTTOM
from rockfall.kit.drawing.sheets import in_rows, sheet
from rockfall.kit.drawing.steps import (
    WIDEST,
    on_paper,
    one_two_five,
    picked,
    save_film,
)
from rockfall.kit.randomness import fork_rng
from rockfall.kit.schedules import geometric_steps
from rockfall.model_pictures import draw_capability
from rockfall.run.run import Run
from rockfall.run.snapshots import FURTHER
from rockfall.sources.dataset import Dataset, Split
from rockfall.testing.behaving import Recorder
from rockfall.testing.rehearsal import StoppedForTest
from rockfall_capabilities.samples import capability as samples

SHAPE = (1, 4, 4)


def dataset(inputs: Tensor | None = None) -> Dataset:
    inputs = torch.zeros(8, *SHAPE, dtype=torch.uint8) if inputs is None else inputs
    split = Split(inputs, torch.full((len(inputs),), -1))
    splits = {"train": split, "validation": split, "test": split}
    return Dataset("made-up", splits, kinds=("pictures",))


class Plain:
    def sample(self, count: int) -> Tensor:
        return torch.randint(256, (count, *SHAPE)).to(torch.uint8)


class Chain:
    """Twelve steps of noise; `change` makes the last of each another."""

    def sample_steps(self, count: int) -> Iterator[Tensor]:
        for _ in range(12):
            yield torch.randint(256, (count, *SHAPE)).to(torch.uint8)

    def sample(self, count: int) -> Tensor:
        *_, last = Chain.sample_steps(self, count)
        return last


# What the kit asks ------------------------------------------------------------------------------


class EndsElsewhere(Chain):
    def sample_steps(self, count: int) -> Iterator[Tensor]:
        return itertools.islice(super().sample_steps(count), 11)


class HasNoSteps(Chain):
    def sample_steps(self, count: int) -> Iterator[Tensor]:
        return iter(())


class NeverEnds(Chain):
    def sample_steps(self, count: int) -> Iterator[Tensor]:
        return itertools.repeat(torch.zeros(count, *SHAPE, dtype=torch.uint8))


class GivesFractions(Chain):
    def sample_steps(self, count: int) -> Iterator[Tensor]:
        yield torch.rand(count, *SHAPE)
        yield from super().sample_steps(count)


class GivesOneTooMany(Chain):
    def sample_steps(self, count: int) -> Iterator[Tensor]:
        yield torch.zeros(count + 1, *SHAPE, dtype=torch.uint8)
        yield from super().sample_steps(count)


class WritesOver(Chain):
    """Right about every step when it is given."""

    def sample_steps(self, count: int) -> Iterator[Tensor]:
        same = torch.zeros(count, *SHAPE, dtype=torch.uint8)
        for made in super().sample_steps(count):
            yield same.copy_(made)


def test_a_model_may_show_its_steps_or_not() -> None:
    samples.check(Plain(), dataset())
    samples.check(Chain(), dataset())


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (EndsElsewhere, "the last of sample_steps must be what sample gives"),
        (HasNoSteps, "sample_steps gave none"),
        (NeverEnds, "sample_steps does not end within 10,000 steps"),
        (GivesFractions, "step 0 of sample_steps is torch.float32"),
        (GivesOneTooMany, r"step 0 of sample_steps is \(6, 1, 4, 4\)"),
        (WritesOver, "sample_steps changes a step that it gave before"),
    ],
)
def test_what_steps_must_be(kind: type[Chain], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        samples.check(kind(), dataset())


def test_the_kit_compares_every_step() -> None:
    recorder: Any = Recorder(Chain())
    steps = list(recorder.sample_steps(3))
    assert len(steps) == 12
    assert [name for name, _ in recorder.given] == ["sample_steps"] * 12
    assert all(one is step for (_, one), step in zip(recorder.given, steps, strict=True))


class Told(Plain):
    """A picture of class k is k everywhere, but for a little noise in one corner."""

    def sample_of(self, labels: Tensor) -> Tensor:
        made = labels.view(-1, 1, 1, 1).expand(-1, *SHAPE).to(torch.uint8).clone()
        made[:, 0, 0, 0] = torch.randint(100, 256, (len(labels),)).to(torch.uint8)
        return made


class DoesNotListen(Told):
    def sample_of(self, labels: Tensor) -> Tensor:
        return super().sample_of(torch.zeros_like(labels))


class ForgetsTheSeed(Told):
    def sample_of(self, labels: Tensor) -> Tensor:
        torch.seed()
        return super().sample_of(labels)


class GivesOneOfClass(Told):
    def sample_of(self, labels: Tensor) -> Tensor:
        return super().sample_of(labels[:1])


class GivesFractionsOfClass(Told):
    def sample_of(self, labels: Tensor) -> Tensor:
        return super().sample_of(labels) / 255


def classed(*classes: str) -> Dataset:
    plain = dataset()
    return Dataset("made-up", plain.splits, kinds=("pictures",), classes=classes)


def test_a_model_may_be_told_classes_or_not() -> None:
    assert samples.conditional(Told())
    assert not samples.conditional(Plain())
    samples.check(Told(), classed("a", "b", "c"))
    samples.check(DoesNotListen(), classed("a"))


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (DoesNotListen, "another class must give other samples"),
        (ForgetsTheSeed, "the same seed must give the same samples of a class"),
        (GivesOneOfClass, r"sample_of gave \(1, 1, 4, 4\)"),
        (GivesFractionsOfClass, "sample_of gave torch.float32, not torch.uint8"),
    ],
)
def test_what_samples_of_classes_must_be(kind: type[Told], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        samples.check(kind(), classed("a", "b"))


def test_there_must_be_classes_to_be_told() -> None:
    with pytest.raises(AssertionError, match="its source has no classes"):
        samples.check(Told(), dataset())


# What a finished run leaves ---------------------------------------------------------------------


@pytest.mark.parametrize("model", [Plain(), Chain()])
def test_samples_are_drawn_as_the_verb_draws_them(model: Plain | Chain) -> None:
    with fork_rng(seed=0):
        drawn = samples.pictures(model, dataset())
    with fork_rng(seed=0):
        expected = sheet(in_rows(model.sample(64)))
    assert set(drawn) == {"samples"} | ({"steps"} if isinstance(model, Chain) else set())
    assert np.array_equal(np.asarray(drawn["samples"]), np.asarray(expected))


def test_a_row_a_class() -> None:
    many = [f"class {k}" for k in range(25)]
    for classes, rows in ((many[:3], 3), (many, 20)):
        with fork_rng(seed=0):
            drawn = samples.pictures(Told(), classed(*classes))
        with fork_rng(seed=0):
            made = Told().sample_of(torch.arange(rows).repeat_interleave(10))
        expected = sheet(list(zip(classes, made.split(10), strict=False)))
        assert np.array_equal(np.asarray(drawn["samples"]), np.asarray(expected))


class Cloud:
    """Points about another place than the data's; `size` is how far they spread."""

    def __init__(self, numbers: int, size: float = 1.0) -> None:
        self.numbers, self.size = numbers, size

    def sample(self, count: int) -> Tensor:
        return 0.3 + self.size * torch.randn(count, self.numbers)


@pytest.mark.parametrize("numbers", [1, 2])
def test_numbers_and_points_are_drawn_beside_the_data(numbers: int) -> None:
    data = torch.randn(3000, numbers, generator=torch.Generator().manual_seed(0))
    with fork_rng(seed=0):
        drawn = samples.pictures(Cloud(numbers), dataset(data))
    with fork_rng(seed=0):
        made = Cloud(numbers).sample(2000)
    spread = data[torch.arange(2000) * 3000 // 2000]
    expected = points.compare_points(made, spread)
    assert set(drawn) == {"samples"}
    assert np.array_equal(np.asarray(drawn["samples"]), np.asarray(expected))


@pytest.mark.parametrize("numbers", [1, 2])
def test_axes_go_by_the_data_alone(numbers: int) -> None:
    """What is made early on may be anywhere, but a film must not jump."""
    data = torch.randn(500, numbers, generator=torch.Generator().manual_seed(0))
    pictures = []
    for size in (0.1, 1.0, 1000.0):
        with fork_rng(seed=0):
            pictures.append(
                np.asarray(points.compare_points(Cloud(numbers, size).sample(500), data))
            )
    assert len({picture.shape for picture in pictures}) == 1
    foot = slice(-BOTTOM + 4, -BOTTOM + 20)  # the numbers along the axis
    assert all(np.array_equal(picture[foot], pictures[0][foot]) for picture in pictures)
    if numbers == 2:
        half = pictures[0].shape[1] // 2
        assert all(np.array_equal(p[:, half:], pictures[0][:, half:]) for p in pictures)


def test_made_points_that_are_no_numbers_are_drawn_as_none() -> None:
    for numbers in (1, 2):
        data, made = torch.randn(50, numbers), torch.full((50, numbers), torch.nan)
        assert points.compare_points(made, data).width > 0


def test_what_can_not_be_looked_at_is_not_drawn() -> None:
    assert samples.pictures(Chain(), dataset(torch.rand(8, 3))) == {}


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


# Progress ---------------------------------------------------------------------------------------


class Learner(torch.nn.Module):
    """Learns to make darker noise; drawn in training, or with gradients, it fails."""

    def __init__(self) -> None:
        super().__init__()
        self.light = torch.nn.Parameter(torch.ones(()))
        self.frozen = torch.nn.Dropout()
        self.drawn = 0

    def sample(self, count: int) -> Tensor:
        assert not self.training and not self.frozen.training
        assert not torch.is_grad_enabled()
        self.drawn += 1
        return (255 * self.light * torch.rand(count, *SHAPE)).to(torch.uint8)


SNAPSHOTS = "rockfall_capabilities.samples.capability:snapshots"


def learning(steps: int, learner: Learner, look: bool = True) -> Callable[[Any, Run], None]:
    def fit(model: Any, run: Run) -> None:
        learner.train()
        learner.frozen.eval()
        if look:
            run.leave_snapshots([lambda: draw_capability(learner, SNAPSHOTS, dataset())])
        for _ in run.steps(steps):
            with torch.no_grad():
                learner.light *= 0.9
            run.log(drawn=float(torch.rand(())))

    return fit


def left(run: Run) -> dict[int, np.ndarray]:
    sheets = {}
    for file in run.directory.pictures.glob("samples-*.png"):
        with Image.open(file) as image:
            sheets[int(file.stem.removeprefix("samples-"))] = np.asarray(image)
    return sheets


def run_through(run: Run) -> Run:
    with run.interruptible():
        run.model.fit(None, run)  # type: ignore[arg-type]
        run.finish()
    return run


def test_the_more_steps_the_fewer_leave_a_sheet(start: Callable[..., Run]) -> None:
    learner = Learner()
    sheets = left(run_through(start(learning(60, learner))))
    wanted = itertools.takewhile(lambda place: place <= 60, geometric_steps(FURTHER))
    assert sorted(sheets) == list(wanted)
    assert sorted(sheets)[:11] == list(range(11))
    assert learner.drawn == len(sheets) < 30


def test_sheets_are_of_the_same_noise(start: Callable[..., Run]) -> None:
    sheets = left(run_through(start(learning(5, Learner()))))
    with fork_rng(seed=0):
        noise = torch.rand(64, *SHAPE)
    for step, found in sheets.items():
        light = torch.tensor(1.0)
        for _ in range(step):
            light *= 0.9
        expected = sheet(in_rows((255 * light * noise).to(torch.uint8)))
        assert np.array_equal(found, np.asarray(expected))


def test_to_look_changes_nothing(start: Callable[..., Run]) -> None:
    lines = []
    for look in (True, False):
        learner = Learner()
        torch.manual_seed(5)
        run = run_through(start(learning(8, learner, look)))
        lines.append([line["drawn"] for line in run.metrics])
        assert learner.training and learner.light.requires_grad
        assert not learner.frozen.training, "a layer that is kept from training stays so"
    assert lines[0] == lines[1]


def test_resumed_it_leaves_the_same_sheets(start: Callable[..., Run]) -> None:
    whole = left(run_through(start(learning(40, Learner()))))
    begun = start(learning(40, Learner()), stop_at=17, checkpoint_every=0.0)
    with pytest.raises(StoppedForTest), begun.interruptible():
        begun.model.fit(None, begun)  # type: ignore[arg-type]
    resumed = run_through(start(learning(40, Learner()), again=begun))
    assert sorted(left(resumed)) == sorted(whole)


def test_what_can_not_be_drawn_leaves_no_sheet(start: Callable[..., Run]) -> None:
    def fit(model: Any, run: Run) -> None:
        vectors = dataset(torch.rand(8, 7))
        run.leave_snapshots([lambda: draw_capability(Learner(), SNAPSHOTS, vectors)])
        for _ in run.steps(3):
            pass

    assert not left(run_through(start(fit)))


# Which steps are shown --------------------------------------------------------------------------


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


# The film ---------------------------------------------------------------------------------------


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
