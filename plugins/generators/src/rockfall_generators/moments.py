"""Examples of one number: mean, variance, and the Kolmogorov–Smirnov statistic."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rockfall.kit.measurements import Measurements, measurement
from rockfall_generators.distances import float64
from rockfall_generators.evaluation_samples import measurement_of_sets

DATA = "test examples"


def moments(sets: Sequence[Tensor], train_sets: Sequence[Tensor], test: Tensor) -> Measurements:
    """Of sets of samples (N, 1), beside the test split's; and the Kolmogorov–Smirnov statistic
    between each set and the test split, beside that of sets of training examples.
    """
    samples = torch.cat(list(sets))
    return {
        "mean": measurement(samples.flatten(), {DATA: test.flatten()}),
        "variance": measurement(squared_deviations(samples), {DATA: squared_deviations(test)}),
        "Kolmogorov–Smirnov": measurement_of_sets(
            [kolmogorov_smirnov(each, test) for each in sets],
            [kolmogorov_smirnov(each, test) for each in train_sets],
            len(samples),
        ),
    }


def squared_deviations(values: Tensor) -> Tensor:
    """(N, 1) → squared deviations (N,), scaled so that their mean is the unbiased variance."""
    flat = float64(values).flatten()
    return (flat - flat.mean()).square() * (len(flat) / max(1, len(flat) - 1))


def kolmogorov_smirnov(first: Tensor, second: Tensor) -> float:
    """The largest difference of the two sets' distribution functions, 0 … 1, as SciPy's
    `ks_2samp` gives it.
    """
    pair = [float64(values).flatten().sort().values for values in (first, second)]
    points = torch.cat(pair)
    cdfs = [torch.searchsorted(each, points, right=True) / len(each) for each in pair]
    return float((cdfs[0] - cdfs[1]).abs().max())
