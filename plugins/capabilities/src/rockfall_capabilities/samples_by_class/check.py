"""What the conformance kit asks of a model that samples by class."""

from __future__ import annotations

import torch

from rockfall import Dataset, fork_rng
from rockfall_capabilities.samples_by_class.protocol import SamplesByClass


def check(model: SamplesByClass, source: Dataset) -> None:
    """An example a label, in the source's shape and type; the seed decides which, and the class
    makes a difference.
    """
    wanted, classes = source.train.inputs[:5], len(source.info.classes)
    assert classes, "its source has no classes"
    given = []
    for label in (0, 0, classes - 1):
        with fork_rng(seed=0):
            given.append(model.sample_of(torch.full((5,), label, device=wanted.device)))
    first, again, other = given
    assert first.shape == wanted.shape, f"sample_of gave {tuple(first.shape)}"
    assert first.dtype == wanted.dtype, f"sample_of gave {first.dtype}, not {wanted.dtype}"
    assert torch.equal(first, again), "the same seed must give the same samples of a class"
    same = classes > 1 and torch.equal(first, other)
    assert not same, "another class must give other samples"
