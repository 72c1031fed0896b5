"""Truncated back-propagation through time: what a memory holds goes on from batch to batch.

A stream, one sequence too long to be learned from at once, is cut into as many pieces as a batch
has rows. A batch is the next window of each piece, and begins with the states that the last one
ended with: what came before is remembered, though no gradient goes back to it (Williams and Peng
1990, "An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent Network
Trajectories").
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from rockfall import Dataset, Run, Split
from rockfall_sequences.sequences import Sequences

LONG = 10_000
"""Steps of a piece, at least, where a stream is read through to be measured."""


def side_by_side(stream: Split, pieces: int) -> Split:
    """A stream (1, T, …) in so many pieces (pieces, T / pieces, …), without what is left over."""
    each = stream.inputs.shape[1] // pieces
    return _cut(stream, lambda values: values[0, : pieces * each].unflatten(0, (pieces, each)))


def in_windows(rows: Split, length: int) -> Split:
    """Pieces (N, T, …) in windows (M, length, …), of which each N in turn are the next of every
    piece, without what is left over.
    """
    count = rows.inputs.shape[1] // length

    def cut(values: Tensor) -> Tensor:
        windows: Tensor = values[:, : count * length].unflatten(1, (count, length))
        return windows.transpose(0, 1).flatten(0, 1)

    return _cut(rows, cut)


def _cut(split: Split, how: Callable[[Tensor], Tensor]) -> Split:
    return Split(how(split.inputs), how(split.labels))


class Windows:
    """What is learned from without a memory between batches: windows in any order."""

    shuffled = True

    def __init__(self, data: Dataset, batch_size: int) -> None:
        self.data, self.rows = data, batch_size

    def __len__(self) -> int:
        return len(self.data.train)

    def of_epoch(self, epoch: int) -> Split:
        return self.data.fresh(epoch)


class Stream:
    """What is learned from with one: the training stream, of which each epoch begins at another of
    its first `length` steps, so that windows do not always begin at the same ones.
    """

    shuffled = False

    def __init__(self, data: Dataset, batch_size: int, run: Run) -> None:
        assert isinstance(data, Sequences)
        self.data = data
        self.stream, self.length = data.stream("train"), data.info.shape[0]
        self.steps = self.stream.inputs.shape[1] - self.length + 1
        self.rows = min(batch_size, self.steps // self.length)
        if self.rows < batch_size:
            run.warn(f"batch_size is {self.rows}: {data.info.name} has so many windows")

    def __len__(self) -> int:
        return self.rows * (self.steps // self.rows // self.length)

    def of_epoch(self, epoch: int) -> Split:
        first = int(torch.randint(self.length, (), generator=self.data.generator(epoch)))
        part = _cut(self.stream, lambda values: values[:, first : first + self.steps])
        return in_windows(side_by_side(part, self.rows), self.length)


class States:
    """The states of all layers, which one batch ends with and the next begins with, as tensors."""

    def __init__(self, first: Sequence[Tensor] = ()) -> None:
        """first: before the very first step, by which their shapes are known."""
        self.first = self.now = tuple(first)

    def reset(self) -> None:
        self.now = self.first

    def go_on(self, after: tuple[Tensor, ...]) -> None:
        """What the next batch begins with, if any state is carried at all."""
        if self.first:
            self.now = after

    def state_dict(self) -> dict[str, Any]:
        return {"states": list(self.now)}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Raises ValueError for states of other shapes, or that are not finite."""
        given = saved["states"]
        for own, each in zip(self.first, given, strict=True):
            if each.shape != own.shape or each.is_complex() != own.is_complex():
                raise ValueError(f"a state is {tuple(each.shape)}, not {tuple(own.shape)}")
            if not torch.isfinite(each).all():
                raise ValueError("a state is not finite")
        # On another device the precision may be another.
        self.now = tuple(each.to(own) for own, each in zip(self.first, given, strict=True))


def flat(states: Sequence[Any]) -> tuple[Tensor, ...]:
    """Of all layers, whose state is a tensor, a tuple of some, or None."""
    parts = (state if isinstance(state, tuple) else (state,) for state in states)
    return tuple(each for each in itertools.chain.from_iterable(parts) if each is not None)


def layered(tensors: Sequence[Tensor], layers: int) -> list[Any]:
    """Inverse of `flat`, of layers that have one."""
    size = len(tensors) // layers
    groups = [tuple(tensors[n * size : (n + 1) * size]) for n in range(layers)]
    return [group if size > 1 else group[0] for group in groups]
