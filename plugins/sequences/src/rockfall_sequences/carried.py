"""Truncated back-propagation through time: what a memory holds goes on from batch to batch.

A stream, one sequence too long to be learned from at once, is cut into as many pieces as a batch
has rows. A batch is the next window of each piece, and begins with the states that the last one
ended with: what came before is remembered, though no gradient goes back to it (Williams and Peng
1990, "An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent Network
Trajectories").
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rockfall import Split

LONG = 10_000
"""Steps of a piece, at least, where a stream is read through to be measured."""


def side_by_side(stream: Split, pieces: int) -> Split:
    """A stream (1, T, …) in so many pieces (pieces, T / pieces, …), without what is left over."""
    each = stream.inputs.shape[1] // pieces
    cut = (
        values[0, : pieces * each].unflatten(0, (pieces, each))
        for values in (stream.inputs, stream.labels)
    )
    return Split(*cut)


def in_windows(rows: Split, length: int) -> Split:
    """Pieces (N, T, …) in windows (M, length, …), of which each N in turn are the next of every
    piece, without what is left over.
    """
    count = rows.inputs.shape[1] // length
    cut = (
        values[:, : count * length].unflatten(1, (count, length)).transpose(0, 1).flatten(0, 1)
        for values in (rows.inputs, rows.labels)
    )
    return Split(*cut)


class States:
    """The states of all layers, which one batch ends with and the next begins with, as tensors."""

    def __init__(self, first: Sequence[Tensor] = ()) -> None:
        """first: before the very first step, by which their shapes are known."""
        self.first = self.now = tuple(first)

    def reset(self) -> None:
        self.now = self.first

    def state_dict(self) -> dict[str, Any]:
        return {"states": list(self.now)}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Raises ValueError for states of other shapes, or that are not finite."""
        for own, given in zip(self.first, saved["states"], strict=True):
            if (given.shape, given.dtype) != (own.shape, own.dtype):
                raise ValueError(
                    f"a state is {given.dtype} {tuple(given.shape)}, not "
                    f"{own.dtype} {tuple(own.shape)}"
                )
            if not torch.isfinite(given).all():
                raise ValueError("a state is not finite")
        self.now = tuple(
            each.to(own.device) for own, each in zip(self.first, saved["states"], strict=True)
        )


def flat(states: Sequence[Any]) -> tuple[Tensor, ...]:
    """Of all layers, whose state is a tensor, a tuple of some, or None."""
    parts = (state if isinstance(state, tuple) else (state,) for state in states)
    return tuple(each for each in itertools.chain.from_iterable(parts) if each is not None)


def layered(tensors: Sequence[Tensor], layers: int) -> list[Any]:
    """Inverse of `flat`, of layers that have one."""
    size = len(tensors) // layers
    groups = [tuple(tensors[n * size : (n + 1) * size]) for n in range(layers)]
    return [group if size > 1 else group[0] for group in groups]
