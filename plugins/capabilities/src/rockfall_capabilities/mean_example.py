"""The mean of a split's examples: a baseline of reconstruction, and the middle of a class."""

from __future__ import annotations

import torch
from torch import Tensor

from rockfall import Split

BATCH = 1000


def mean_example(split: Split) -> Tensor:
    """The mean (…) float32 of the inputs (N, …)."""
    sums = [part.sum(0, dtype=torch.float64) for part in torch.split(split.inputs, BATCH)]
    return (torch.stack(sums).sum(0) / len(split)).float()
