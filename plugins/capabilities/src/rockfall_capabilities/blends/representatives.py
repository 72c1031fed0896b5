"""Examples that stand for their classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rockfall import Batch, Split
from rockfall_capabilities.reconstructs.capability import mean_example

AT_ONCE = 1000
"""Examples compared at a time: bytes are floats meanwhile."""


def representatives(split: Split, labels: Sequence[int], seed: int | None = None) -> Batch:
    """For each label, of which there must be one in the split, an example that has it.

    By default the most typical, which is nearest to the mean of its class; with a seed any. A label
    that is there k times is given k examples, at even distances from the most typical to the least.
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
    """Of the examples to their mean, squared, (N,)."""
    mean = mean_example(split)
    parts = split.inputs.split(AT_ONCE)
    return torch.cat([(part.float() - mean).flatten(1).square().sum(1) for part in parts])
