"""Is it copying? The training example that is nearest to each sample, and how near it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from rockfall import measurement
from rockfall.kit.progress import counted

AT_ONCE = 20_000_000
"""Numbers of training examples, and of distances to them, that are floats at a time."""
MOST_LOOKED_UP = 1000
MOST_PRODUCTS = 5e10
"""Multiplications that looking up may take, a second or so of one thread: 1,000 samples among
MNIST's 55,000 training pictures; fewer among more, or larger ones.
"""
COPY = 0.25
"""A sample that is nearer to a training example than this share of the test examples' median
distance is taken for a copy. Those of one class may well be half as far apart as those of all.
"""
WORTH_A_WORD = 0.1
"""Share of copies, beyond that of test examples, from which on they are spoken of."""


class Nearest(NamedTuple):
    """rows: of the nearest examples (N,) int64; distances to them (N,) float64: root mean square
    over the numbers of an example, bytes from 0 to 1.
    """

    rows: Tensor
    distances: Tensor


def affordable(known: Tensor) -> int:
    """How many examples can be looked up among `known` (M, …)."""
    return int(max(1, min(MOST_LOOKED_UP, MOST_PRODUCTS // max(1, known.numel()))))


def nearest(inputs: Tensor, known: Tensor) -> Nearest:
    """For each of inputs (N, …) the nearest of `known` (M, …)."""
    numbers = known[0].numel()
    asked = _values(inputs)
    best = torch.full((len(asked),), torch.inf, dtype=asked.dtype, device=asked.device)
    rows = torch.zeros(len(asked), dtype=torch.int64, device=asked.device)
    size = max(1, AT_ONCE // max(numbers, len(asked)))
    starts = range(0, len(known), size)
    for start in counted(starts, len(starts), "looking for nearest neighbours, in batches"):
        part = _values(known[start : start + size])
        # |x − p|² = |x|² + 2 (|p|² / 2 − x·p): |x|² is the same for all.
        scores, places = torch.addmm(part.square().sum(1) / 2, asked, part.T, alpha=-1).min(1)
        better = scores < best
        best, rows = torch.where(better, scores, best), torch.where(better, places + start, rows)
    return Nearest(rows, _distances(inputs, known[rows]))


def closeness(samples: Tensor, test: Tensor, known: Tensor) -> dict[str, Any]:
    """The figure of samples' distances to their nearest of `known`, beside test examples'."""
    mine, theirs = nearest(samples, known).distances, nearest(test, known).distances
    found = measurement(mine, {"test examples": theirs})
    near = COPY * theirs.median()
    share = (mine < near).double().mean().item()
    if share - (theirs < near).double().mean().item() > WORTH_A_WORD:
        found["note"] = f"it is copying: {share:.0%} of the samples are training examples, nearly"
    return found


def _values(inputs: Tensor) -> Tensor:
    """(N, D) floats as precise as distances ask for: bytes are exact in single precision."""
    if inputs.dtype == torch.uint8 or inputs.device.type == "mps":
        return inputs.float().flatten(1)
    return inputs.double().flatten(1)


def _distances(first: Tensor, second: Tensor) -> Tensor:
    most = 255 if first.dtype == torch.uint8 else 1
    squares = [
        (_values(a) - _values(b)).square().mean(1)
        for a, b in zip(first.split(100), second.split(100), strict=True)
    ]
    return torch.cat(squares).sqrt().cpu().double() / most
