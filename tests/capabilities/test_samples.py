"""What is asked of a model that samples, and what it leaves in the end and on its way."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from rockfall import Run, fork_rng
from rockfall.kit.drawing import compare_points, in_rows, sheet
from rockfall.kit.schedules import geometric_steps
from rockfall.model_pictures import draw_capability
from rockfall.run.snapshots import FURTHER
from rockfall.testing.rehearsal import StoppedForTest
from rockfall_capabilities.samples.check import check
from rockfall_capabilities.samples.pictures import pictures
from tests.capabilities.samplers import SHAPE, Plain, dataset


@pytest.fixture(autouse=True)
def affordable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every snapshot that is due is drawn, however fast the training."""
    monkeypatch.setattr("rockfall.run.snapshots.GRACE", 60.0)


class IgnoresTheSeed:
    def sample(self, count: int) -> Tensor:
        torch.seed()
        return Plain().sample(count)


class IsAlwaysTheSame:
    def sample(self, count: int) -> Tensor:
        return torch.zeros(count, *SHAPE, dtype=torch.uint8)


class GivesOneTooMany(Plain):
    def sample(self, count: int) -> Tensor:
        return super().sample(count + 1)


class GivesFractions(Plain):
    def sample(self, count: int) -> Tensor:
        return super().sample(count) / 255


def test_a_model_that_samples() -> None:
    check(Plain(), dataset())


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (IgnoresTheSeed, "the same seed must give the same samples"),
        (IsAlwaysTheSame, "another seed must give other samples"),
        (GivesOneTooMany, r"sample gave \(6, 1, 4, 4\)"),
        (GivesFractions, "sample gave torch.float32, not torch.uint8"),
    ],
)
def test_what_samples_must_be(kind: type[Plain], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check(kind(), dataset())


# What a finished run leaves ---------------------------------------------------------------------


def test_samples_are_drawn_as_the_verb_draws_them() -> None:
    with fork_rng(seed=0):
        drawn = pictures(Plain(), dataset())
    with fork_rng(seed=0):
        expected = sheet(in_rows(Plain().sample(64)))
    assert set(drawn) == {"samples"}
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
        drawn = pictures(Cloud(numbers), dataset(data))
    with fork_rng(seed=0):
        made = Cloud(numbers).sample(2000)
    spread = data[torch.arange(2000) * 3000 // 2000]
    expected = compare_points(made, spread)
    assert set(drawn) == {"samples"}
    assert np.array_equal(np.asarray(drawn["samples"]), np.asarray(expected))


def test_vectors_are_not_drawn() -> None:
    assert pictures(Plain(), dataset(torch.rand(8, 3))) == {}


# What it leaves on its way ----------------------------------------------------------------------


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


SNAPSHOTS = "rockfall_capabilities.samples.pictures:snapshots"


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


@pytest.mark.long
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
