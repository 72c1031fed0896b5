"""What is asked of a model that samples by class, and what it leaves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from rockfall import fork_rng
from rockfall.kit.drawing import sheet
from rockfall_capabilities.samples.pictures import pictures
from rockfall_capabilities.samples_by_class.check import check
from rockfall_capabilities.samples_by_class.protocol import is_conditional
from tests.capabilities.samplers import SHAPE, Plain, dataset


class Conditional(Plain):
    """A picture of class k is k everywhere, but for a little noise in one corner."""

    def sample_of(self, labels: Tensor) -> Tensor:
        made = labels.view(-1, 1, 1, 1).expand(-1, *SHAPE).to(torch.uint8).clone()
        made[:, 0, 0, 0] = torch.randint(100, 256, (len(labels),)).to(torch.uint8)
        return made


class IgnoresTheClass(Conditional):
    def sample_of(self, labels: Tensor) -> Tensor:
        return super().sample_of(torch.zeros_like(labels))


class ForgetsTheSeed(Conditional):
    def sample_of(self, labels: Tensor) -> Tensor:
        torch.seed()
        return super().sample_of(labels)


class GivesOneOfClass(Conditional):
    def sample_of(self, labels: Tensor) -> Tensor:
        return super().sample_of(labels[:1])


class GivesFractionsOfClass(Conditional):
    def sample_of(self, labels: Tensor) -> Tensor:
        return super().sample_of(labels) / 255


def test_a_model_that_samples_by_class() -> None:
    assert is_conditional(Conditional())
    assert not is_conditional(Plain())
    check(Conditional(), dataset(classes=("a", "b", "c")))
    check(IgnoresTheClass(), dataset(classes=("a",)))


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (IgnoresTheClass, "another class must give other samples"),
        (ForgetsTheSeed, "the same seed must give the same samples of a class"),
        (GivesOneOfClass, r"sample_of gave \(1, 1, 4, 4\)"),
        (GivesFractionsOfClass, "sample_of gave torch.float32, not torch.uint8"),
    ],
)
def test_what_samples_of_classes_must_be(kind: type[Conditional], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check(kind(), dataset(classes=("a", "b")))


def test_a_source_without_classes() -> None:
    with pytest.raises(AssertionError, match="its source has no classes"):
        check(Conditional(), dataset())


def test_a_row_a_class() -> None:
    many = [f"class {k}" for k in range(25)]
    for classes, rows in ((many[:3], 3), (many, 20)):
        with fork_rng(seed=0):
            drawn = pictures(Conditional(), dataset(classes=tuple(classes)))
        with fork_rng(seed=0):
            made = Conditional().sample_of(torch.arange(rows).repeat_interleave(10))
        expected = sheet(list(zip(classes, made.split(10), strict=False)))
        assert np.array_equal(np.asarray(drawn["samples"]), np.asarray(expected))
