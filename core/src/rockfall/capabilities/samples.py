"""`samples`: makes new examples like those it learned from. A finished run leaves some of them, and
of a model that makes them step by step also how they came about.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeGuard, runtime_checkable

import torch
from PIL import Image
from torch import Tensor

from rockfall.display.sheets import are_pictures, in_rows, sheet
from rockfall.display.steps import on_paper, one_two_five, picked
from rockfall.run.randomness import forked
from rockfall.sources.dataset import Dataset

DRAWN = 64
FOLLOWED = 10
"""Of those that are drawn, how many are shown step by step."""
MOST_STEPS = 10_000
"""Steps of a model of preset `tiny` that the kit waits for."""


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


def in_steps(model: Samples) -> TypeGuard[SamplesInSteps]:
    """Whether the model shows the steps that it makes examples in."""
    return hasattr(model, "sample_steps")


def check(model: Samples, source: Dataset) -> None:
    """As many as asked, in the source's shape and type; the seed decides which; and its steps, if
    it shows them, lead there.
    """
    given = []
    for seed in (0, 0, 1):
        with forked(seed):
            given.append(model.sample(5))
    first, again, other = given
    wanted = source.train.inputs[:5]
    assert first.shape == wanted.shape, f"sample gave {tuple(first.shape)}"
    assert first.dtype == wanted.dtype, f"sample gave {first.dtype}, not {wanted.dtype}"
    assert torch.equal(first, again), "the same seed must give the same samples"
    assert not torch.equal(first, other), "another seed must give other samples"
    if in_steps(model):
        with forked(seed=0):
            _check_steps(model.sample_steps(5), first)


def pictures(model: Samples, source: Dataset) -> dict[str, Image.Image]:
    """Of pictures `samples`, and of a model that makes them in steps some of these: `steps`."""
    if not are_pictures(source.info.shape, source.info.dtype):
        return {}
    if not in_steps(model):
        return {"samples": sheet(in_rows(model.sample(DRAWN)))}
    shown = list(picked(model.sample_steps(DRAWN), one_two_five()))
    _, made = shown[-1]
    followed = [(number, step[:FOLLOWED]) for number, step in shown]
    return {"samples": sheet(in_rows(made)), "steps": on_paper(followed)}


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
