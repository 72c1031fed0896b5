"""Which examples of a dataset to take, as index tensors: held out, or evenly over its classes."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["hold_out"]


def hold_out(count: int, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Seeded split of `range(count)` into (kept, held out) index tensors, each sorted."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    held = round(count * fraction)
    return order[held:].sort().values, order[:held].sort().values


def balanced(labels: Tensor, most: int, seed: int) -> Tensor:
    """Seeded choice of at most `most` of the examples with labels (N,), as sorted indices.

    Each class is there as often as the others, or whole if it has not so many. What a smaller
    `most` takes, a larger one takes too.
    """
    kinds, counts = (found.tolist() for found in labels.unique(return_counts=True))
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    order = order.to(labels.device)
    found = labels[order]
    shares = equal_shares(counts, most)
    kept = [order[found == kind][:share] for kind, share in zip(kinds, shares, strict=True)]
    return torch.cat(kept).sort().values


def equal_shares(counts: list[int], most: int) -> list[int]:
    """How many to take of each, as equal as can be; the first get what does not divide evenly."""
    shares = [0] * len(counts)
    left = most
    while unfilled := [i for i, count in enumerate(counts) if shares[i] < count]:
        each = min(left // len(unfilled), *(counts[i] - shares[i] for i in unfilled))
        if not each:
            for i in unfilled[:left]:
                shares[i] += 1
            break
        for i in unfilled:
            shares[i] += each
        left -= each * len(unfilled)
    return shares
