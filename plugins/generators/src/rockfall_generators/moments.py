"""Examples of one number: their mean, their variance, and whether they are spread as the data."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rockfall import Measurements, measurement
from rockfall_generators.distances import exact
from rockfall_generators.draws import compared

DATA = "test examples"


def moments(sets: Sequence[Tensor], trained: Sequence[Tensor], test: Tensor) -> Measurements:
    """Of sets of samples (N, 1), beside the test split's; and the Kolmogorov–Smirnov statistic
    between each set and the test split, beside that of sets of training examples.
    """
    samples = torch.cat(list(sets))
    return {
        "mean": measurement(samples.flatten(), {DATA: test.flatten()}),
        "variance": measurement(squares(samples), {DATA: squares(test)}),
        "Kolmogorov–Smirnov": compared(
            [kolmogorov_smirnov(each, test) for each in sets],
            [kolmogorov_smirnov(each, test) for each in trained],
            len(samples),
        ),
    }


def squares(values: Tensor) -> Tensor:
    """Squared deviations (N,) of (N, 1), scaled so that their mean is the unbiased variance."""
    flat = exact(values).flatten()
    return (flat - flat.mean()).square() * (len(flat) / max(1, len(flat) - 1))


def kolmogorov_smirnov(first: Tensor, second: Tensor) -> float:
    """The largest difference of the two sets' distribution functions, 0 … 1, as SciPy's
    `ks_2samp` gives it.
    """
    pair = [exact(values).flatten().sort().values for values in (first, second)]
    everywhere = torch.cat(pair)
    below = [torch.searchsorted(each, everywhere, right=True) / len(each) for each in pair]
    return float((below[0] - below[1]).abs().max())
