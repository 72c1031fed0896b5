"""What a generator is measured on: sets of samples, and equally large ones of training examples."""

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
"""Independent sets of samples: how their measurements vary is the error of the mean."""
MAX_SET_SIZE = 5000
"""Examples of a set, unless the test split has fewer. The Fréchet distance of fewer examples is
biased upwards, so that all sets that are compared must be of one size.
"""
BATCH = 500


class EvaluationSamples(NamedTuple):
    """sets: of samples (n, …), the finite ones. train_sets: disjoint sets of training examples, of
    the same size. test: the test examples that both are compared with. finite: (N,) bool of all
    samples.
    """

    sets: list[Tensor]
    train_sets: list[Tensor]
    test: Batch
    finite: Tensor


def draw_evaluation_samples(
    model: Generates, source: Dataset, seed: int, limit: int | None
) -> EvaluationSamples:
    """Samples are from torch's global generator; which training examples, the seed decides.

    limit: examples of a set at most. A source with few training examples has fewer sets of them.
    """
    most = min(limit or MAX_SET_SIZE, MAX_SET_SIZE)
    size = min(most, len(source.test), len(source.train))
    order = torch.randperm(len(source.train), generator=torch.Generator().manual_seed(seed))
    rows = [part for part in order[: SETS * size].split(size) if len(part) == size]
    batches = [min(BATCH, size - first) for first in range(0, size, BATCH)] * SETS
    parts = [
        model.sample(count) for count in counted(batches, len(batches), "sampling, in batches")
    ]
    samples = torch.cat(parts)
    finite = samples.flatten(1).isfinite().all(1)
    sets = [each[mask] for each, mask in zip(samples.split(size), finite.split(size), strict=True)]
    return EvaluationSamples(
        [each for each in sets if len(each)],
        [source.train.take(part.to(source.train.inputs.device)).inputs for part in rows],
        source.test.evenly_spaced(most),
        finite,
    )


def measurement_of_sets(
    values: Sequence[float],
    baseline_values: Sequence[float],
    count: int,
    baseline: str = "training examples",
) -> dict[str, Any]:
    """The measurement of a number that each set of samples has, beside that of a baseline's sets.

    count: of samples in all sets.
    """
    measured, beside = (
        mean_and_error(torch.tensor(numbers, dtype=torch.float64))
        for numbers in (values, baseline_values)
    )
    return {**measured, "count": count, "baselines": {baseline: beside}}
