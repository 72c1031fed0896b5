"""`samples`: makes new examples like those it learned from. A finished run leaves some of them, and
of a model that makes them step by step also how they came about; one that shows its progress leaves
some on the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeGuard, runtime_checkable

import torch
from PIL import Image
from torch import Tensor

from rockfall import Dataset, fork_rng
from rockfall.kit.drawing import (
    are_pictures,
    are_points,
    compare_points,
    in_rows,
    on_paper,
    one_two_five,
    picked,
    sheet,
)

DRAWN = 64
POINTS = 2000
"""Numbers, or points in the plane, that are drawn, and as many of the data."""
FOLLOWED = 10
"""Of those that are drawn, how many are shown step by step."""
A_ROW = 10
MOST_ROWS = 20
"""Of a model that can be told classes, as many of one are drawn, and of so many classes."""
MOST_STEPS = 10_000
"""Steps of a model of preset `tiny` that the kit waits for."""
SHEETS = "samples"
"""What the pictures are called that a training leaves, each with its step."""


@runtime_checkable
class Samples(Protocol):
    """Makes new examples."""

    def sample(self, count: int, /) -> Tensor:
        """(count, …) of the source's shape and type, drawn from torch's global generator."""


class SamplesInSteps(Samples, Protocol):
    """Makes them little by little, and can show how. A model that samples need not."""

    def sample_steps(self, count: int, /) -> Iterator[Tensor]:
        """From where it begins to what `sample` gives under the same seed, each (count, …) of the
        source's shape and type, and a tensor of its own.
        """


class SamplesOfClasses(Samples, Protocol):
    """Can be told which class to make an example of. A model that samples need not."""

    def sample_of(self, labels: Tensor, /) -> Tensor:
        """Labels (N,) int64, each from 0 up → (N, …) of the source's shape and type, drawn from
        torch's global generator.
        """


def in_steps(model: Samples) -> TypeGuard[SamplesInSteps]:
    """Whether the model shows the steps that it makes examples in."""
    return hasattr(model, "sample_steps")


def conditional(model: Any) -> TypeGuard[SamplesOfClasses]:
    """Whether the model can be told the class of what it makes."""
    return hasattr(model, "sample_of")


def check(model: Samples, source: Dataset) -> None:
    """As many as asked, in the source's shape and type; the seed decides which; its steps, if it
    shows them, lead there; and a class that it is told makes a difference.
    """
    given = []
    for seed in (0, 0, 1):
        with fork_rng(seed):
            given.append(model.sample(5))
    first, again, other = given
    wanted = source.train.inputs[:5]
    _check_form("sample", first, wanted)
    assert torch.equal(first, again), "the same seed must give the same samples"
    assert not torch.equal(first, other), "another seed must give other samples"
    if in_steps(model):
        with fork_rng(seed=0):
            _check_steps(model.sample_steps(5), first)
    if conditional(model):
        _check_classes(model, wanted, len(source.info.classes))


def pictures(model: Samples, source: Dataset) -> dict[str, Image.Image]:
    """Of pictures, numbers and points in the plane `samples`: pictures by a model that can be told
    classes in a row of each. And of a model that makes pictures in steps, some of these: `steps`.
    """
    if not can_draw(source):
        return {}
    if not in_steps(model) or not are_pictures(source.info.shape, source.info.dtype):
        return {SHEETS: drawn(model, source)}
    shown = list(picked(model.sample_steps(DRAWN), one_two_five()))
    _, made = shown[-1]
    followed = [(number, step[:FOLLOWED]) for number, step in shown]
    samples = drawn(model, source) if conditional(model) else sheet(in_rows(made))
    return {SHEETS: samples, "steps": on_paper(followed)}


def can_draw(source: Dataset) -> bool:
    """Whether examples of the source can be seen: they are pictures, numbers or points."""
    info = source.info
    return are_pictures(info.shape, info.dtype) or are_points(info.shape, info.dtype)


def drawn(model: Samples, source: Dataset) -> Image.Image:
    """A sheet of new examples of a source that can be drawn, from torch's global generator."""
    if not are_pictures(source.info.shape, source.info.dtype):
        return compare_points(model.sample(POINTS), source.train.evenly_spaced(POINTS).inputs)
    if not conditional(model):
        return sheet(in_rows(model.sample(DRAWN)))
    classes = source.info.classes[:MOST_ROWS]
    labels = torch.arange(len(classes), device=source.train.labels.device)
    made = model.sample_of(labels.repeat_interleave(A_ROW))
    return sheet(list(zip(classes, made.split(A_ROW), strict=True)))


def snapshots(model: Samples, source: Dataset) -> dict[str, Image.Image]:
    """What the model makes by now, always of the same noise, so that a film shows how its examples
    come to be what they are.
    """
    return {SHEETS: drawn(model, source)} if can_draw(source) else {}


def _check_form(method: str, given: Tensor, wanted: Tensor) -> None:
    assert given.shape == wanted.shape, f"{method} gave {tuple(given.shape)}"
    assert given.dtype == wanted.dtype, f"{method} gave {given.dtype}, not {wanted.dtype}"


def _check_steps(steps: Iterator[Tensor], wanted: Tensor) -> None:
    last = kept = None
    for number, made in enumerate(steps):
        assert number < MOST_STEPS, f"sample_steps does not end within {MOST_STEPS:,} steps"
        assert made.shape == wanted.shape, f"step {number} of sample_steps is {tuple(made.shape)}"
        assert made.dtype == wanted.dtype, f"step {number} of sample_steps is {made.dtype}"
        if last is not None and kept is not None:
            assert torch.equal(last, kept), "sample_steps changes a step that it gave before"
        last, kept = made, made.clone()
    assert last is not None, "sample_steps gave none"
    assert torch.equal(last, wanted), "the last of sample_steps must be what sample gives"


def _check_classes(model: SamplesOfClasses, wanted: Tensor, classes: int) -> None:
    assert classes, "it has sample_of, but its source has no classes"
    given = []
    for label in (0, 0, classes - 1):
        with fork_rng(seed=0):
            given.append(model.sample_of(torch.full((len(wanted),), label, device=wanted.device)))
    first, again, other = given
    _check_form("sample_of", first, wanted)
    assert torch.equal(first, again), "the same seed must give the same samples of a class"
    same = classes > 1 and torch.equal(first, other)
    assert not same, "another class must give other samples"
