"""What a generator is measured on: sets of samples, and as large ones of training examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rockfall import Batch, Dataset
from rockfall.kit.measurements import mean_and_error
from rockfall.kit.progress import counted
from rockfall_generators.protocol import Generates

SETS = 3
"""Independent sets of samples: how their figures differ is the error of the figures' mean."""
MOST = 5000
"""Examples a set has at most; else as many as the test split. Fréchet distances of fewer examples
are larger, so that all that are compared must have as many.
"""
BATCH = 500


class Draws(NamedTuple):
    """sets: of samples (n, …), the finite ones. trained: disjoint sets of training examples, as
    large. test: the test examples that both are compared with. finite: (N,) bool of all samples.
    """

    sets: list[Tensor]
    trained: list[Tensor]
    test: Batch
    finite: Tensor


def drawn(model: Generates, source: Dataset, seed: int, limit: int | None) -> Draws:
    """Samples draw from torch's global generator; which training examples, the seed decides.

    limit: examples of a set at most. A source with few training examples has fewer sets of them.
    """
    most = min(limit or MOST, MOST)
    count = min(most, len(source.test), len(source.train))
    order = torch.randperm(len(source.train), generator=torch.Generator().manual_seed(seed))
    rows = [part for part in order[: SETS * count].split(count) if len(part) == count]
    sizes = [min(BATCH, count - first) for first in range(0, count, BATCH)] * SETS
    parts = [model.sample(size) for size in counted(sizes, len(sizes), "sampling, in batches")]
    samples = torch.cat(parts)
    finite = samples.flatten(1).isfinite().all(1)
    sets = [
        each[mask] for each, mask in zip(samples.split(count), finite.split(count), strict=True)
    ]
    return Draws(
        [each for each in sets if len(each)],
        [source.train.take(part.to(source.train.inputs.device)).inputs for part in rows],
        source.test.evenly_spaced(most),
        finite,
    )


def compared(
    made: Sequence[float], others: Sequence[float], count: int, baseline: str = "training examples"
) -> dict[str, Any]:
    """The figure of a number that every set of samples has, beside those of others.

    count: of samples in all sets.
    """
    mine, theirs = (
        mean_and_error(torch.tensor(numbers, dtype=torch.float64)) for numbers in (made, others)
    )
    return {**mine, "count": count, "baselines": {baseline: theirs}}
