"""What is asked of a model that samples in steps, and what it leaves."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rockfall import fork_rng
from rockfall.kit.drawing import on_paper, one_two_five, picked
from rockfall.testing.behaving import Recorder
from rockfall_capabilities.samples_in_steps.check import check
from rockfall_capabilities.samples_in_steps.pictures import pictures
from tests.capabilities.samplers import SHAPE, dataset


class Chain:
    """Twelve steps of noise."""

    def sample_steps(self, count: int) -> Iterator[Tensor]:
        for _ in range(12):
            yield torch.randint(256, (count, *SHAPE)).to(torch.uint8)

    def sample(self, count: int) -> Tensor:
        *_, last = Chain.sample_steps(self, count)
        return last


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


def test_a_model_that_samples_in_steps() -> None:
    check(Chain(), dataset())


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
        check(kind(), dataset())


def test_the_kit_compares_every_step() -> None:
    recorder: Any = Recorder(Chain())
    steps = list(recorder.sample_steps(3))
    assert len(steps) == 12
    assert [name for name, _ in recorder.given] == ["sample_steps"] * 12
    assert all(one is step for (_, one), step in zip(recorder.given, steps, strict=True))


def test_the_steps_to_the_first_samples_are_left() -> None:
    with fork_rng(seed=0):
        drawn = pictures(Chain(), dataset())
    with fork_rng(seed=0):
        shown = list(picked(Chain().sample_steps(64), one_two_five()))
    with fork_rng(seed=0):
        samples = Chain().sample(64)
    assert torch.equal(shown[-1][1], samples)
    expected = on_paper([(number, step[:10]) for number, step in shown])
    assert set(drawn) == {"steps"}
    assert np.array_equal(np.asarray(drawn["steps"]), np.asarray(expected))


def test_steps_of_vectors_are_not_drawn() -> None:
    assert pictures(Chain(), dataset(torch.rand(8, 3))) == {}
