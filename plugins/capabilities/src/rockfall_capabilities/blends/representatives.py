"""Representative examples of classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rockfall import Batch, Split
from rockfall_capabilities.mean_example import mean_example

BATCH = 1000
"""Examples compared at a time, since bytes become floats meanwhile."""


def representatives(split: Split, labels: Sequence[int], seed: int | None = None) -> Batch:
    """For each label, of which the split must have one, an example of that class.

    By default it is the example nearest to the mean of its class; with a seed, a random one. Of a
    label that is there k times, the k examples are spread evenly over the order by distance.
    """
    generator = torch.Generator().manual_seed(seed or 0)
    chosen: dict[int, list[int]] = {}
    for label in dict.fromkeys(labels):
        own = (split.labels == label).nonzero()[:, 0]
        if seed is None:
            own = own[_distances(Split(*split[own])).argsort(stable=True)]
        else:
            own = own[torch.randperm(len(own), generator=generator).to(own.device)]
        count = list(labels).count(label)
        chosen[label] = [int(own[place * len(own) // count]) for place in range(count)]
    return split[torch.tensor([chosen[label].pop(0) for label in labels]).to(split.labels.device)]


def _distances(split: Split) -> Tensor:
    """Squared distances (N,) of the examples to their mean."""
    mean = mean_example(split)
    parts = split.inputs.split(BATCH)
    return torch.cat([(part.float() - mean).flatten(1).square().sum(1) for part in parts])
