"""Memorisation: the training example nearest to each sample, and the distance to it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from rockfall.kit.measurements import measurement
from rockfall.kit.progress import counted

CHUNK = 20_000_000
"""Numbers of training examples, and of distances to them, that are floats at a time."""
MAX_QUERIES = 1000
MAX_MULTIPLICATIONS = 5e10
"""Multiplications of a search, a second or so of one thread: 1,000 samples among MNIST's 55,000
training pictures; fewer among more, or larger ones.
"""
COPY_DISTANCE = 0.25
"""A sample is taken for a copy of a training example if its distance is less than this share of the
median distance of test examples. Examples of one class may well be half as far apart as those of
all.
"""
MIN_COPY_EXCESS = 0.1
"""Share of copies, beyond that of test examples, from which on they are reported."""


class Neighbours(NamedTuple):
    """rows: of the nearest examples (N,) int64; distances to them (N,) float64: root mean square
    over the numbers of an example, bytes from 0 to 1.
    """

    rows: Tensor
    distances: Tensor


def affordable_queries(train: Tensor) -> int:
    """For how many examples neighbours can be found among training examples (M, …) in time."""
    return int(max(1, min(MAX_QUERIES, MAX_MULTIPLICATIONS // max(1, train.numel()))))


def nearest_neighbours(inputs: Tensor, train: Tensor) -> Neighbours:
    """For each of inputs (N, …) the nearest of training examples (M, …)."""
    numel = train[0].numel()
    queries = _flat_floats(inputs)
    best = torch.full((len(queries),), torch.inf, dtype=queries.dtype, device=queries.device)
    rows = torch.zeros(len(queries), dtype=torch.int64, device=queries.device)
    size = max(1, CHUNK // max(numel, len(queries)))
    starts = range(0, len(train), size)
    for start in counted(starts, len(starts), "searching for nearest neighbours, in batches"):
        part = _flat_floats(train[start : start + size])
        # |x − p|² = |x|² + 2 (|p|² / 2 − x·p): |x|² is the same for all.
        scores, indices = torch.addmm(part.square().sum(1) / 2, queries, part.T, alpha=-1).min(1)
        closer = scores < best
        best, rows = torch.where(closer, scores, best), torch.where(closer, indices + start, rows)
    return Neighbours(rows, _distances(inputs, train[rows]))


def memorisation(samples: Tensor, test: Tensor, train: Tensor) -> dict[str, Any]:
    """The measurement of samples' distances to their nearest training examples, beside those of
    test examples.
    """
    distances = nearest_neighbours(samples, train).distances
    baseline = nearest_neighbours(test, train).distances
    measured = measurement(distances, {"test examples": baseline})
    copy_distance = COPY_DISTANCE * baseline.median()
    copies = (distances < copy_distance).double().mean().item()
    if copies - (baseline < copy_distance).double().mean().item() > MIN_COPY_EXCESS:
        measured["note"] = (
            f"memorisation: {copies:.0%} of the samples are nearly copies of training examples"
        )
    return measured


def _flat_floats(inputs: Tensor) -> Tensor:
    """(N, D) floats of sufficient precision for distances: bytes are exact in single precision."""
    if inputs.dtype == torch.uint8 or inputs.device.type == "mps":
        return inputs.float().flatten(1)
    return inputs.double().flatten(1)


def _distances(first: Tensor, second: Tensor) -> Tensor:
    largest = 255 if first.dtype == torch.uint8 else 1
    squares = [
        (_flat_floats(a) - _flat_floats(b)).square().mean(1)
        for a, b in zip(first.split(100), second.split(100), strict=True)
    ]
    return torch.cat(squares).sqrt().cpu().double() / largest
