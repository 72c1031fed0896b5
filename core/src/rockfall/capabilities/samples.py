"""`samples`: makes new examples like those it learned from."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall.run.randomness import forked
from rockfall.sources.dataset import Dataset


@runtime_checkable
class Samples(Protocol):
    """Makes new examples."""

    def sample(self, count: int, /) -> Tensor:
        """(count, …) of the source's shape and type, drawn from torch's global generator."""


def check(model: Samples, source: Dataset) -> None:
    """As many as asked, in the source's shape and type; the seed decides which."""
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
