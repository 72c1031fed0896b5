"""What the conformance kit asks of a model that samples."""

from __future__ import annotations

import torch

from rockfall import Dataset, fork_rng
from rockfall_capabilities.samples.protocol import Samples


def check(model: Samples, source: Dataset) -> None:
    """As many as asked for, in the source's shape and type; the seed decides which."""
    given = []
    for seed in (0, 0, 1):
        with fork_rng(seed):
            given.append(model.sample(5))
    first, again, other = given
    wanted = source.train.inputs[:5]
    assert first.shape == wanted.shape, f"sample gave {tuple(first.shape)}"
    assert first.dtype == wanted.dtype, f"sample gave {first.dtype}, not {wanted.dtype}"
    assert torch.equal(first, again), "the same seed must give the same samples"
    assert not torch.equal(first, other), "another seed must give other samples"
