"""Distracted sequence recall: two symbols to remember, among others that are to be ignored.

The task of SimpleLSTM (evolvingstuff, github.com/evolvingstuff/SimpleLSTM, 2012,
`DistractedSequenceRecall.java`): 22 steps, each one of 4 distractors, but for two steps, drawn
without replacement, which are each one of 4 targets; then two queries, one after the other, ask for
the first target and for the second. 10 symbols go in and 4 classes come out.
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase
from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor

from rockfall import Batch, UsageError
from rockfall.kit.targets import NO_TARGET
from rockfall.plugin import Seed
from rockfall_sequences.sequences import Sequences

SIZES = {"train": 2_000, "validation": 1_000, "test": 10_000}
"""Of training sequences, those of one epoch, after which there are others."""

Length = Annotated[int, Field(ge=1, le=10_000, description="steps before the first query")]
Symbols = Annotated[
    int, Field(ge=2, le=26, description="symbols that targets are of, and as many distractors")
]
Targets = Annotated[int, Field(ge=1, le=100, description="targets, each with a query of its own")]


def distracted_recall(
    length: Length = 22, symbols: Symbols = 4, targets: Targets = 2, seed: Seed = 0
) -> Sequences:
    """Sequences (N, length + targets) of symbols: targets `A` …, distractors `a` …, queries `1` ….

    Raises UsageError for more targets than steps.
    """
    if targets > length:
        raise UsageError(f"distracted-recall: {targets} targets do not fit in {length} steps")

    def draws(count: int, generator: Generator) -> Batch:
        def some(*shape: int) -> Tensor:
            return torch.randint(symbols, shape, generator=generator)

        places = torch.rand(count, length, generator=generator).argsort(1)[:, :targets]
        wanted = some(count, targets)
        before = some(count, length) + symbols
        before.scatter_(1, places.sort(1).values, wanted)
        queries = (2 * symbols + torch.arange(targets)).expand(count, -1)
        nothing = torch.full((count, length), NO_TARGET)
        return Batch(torch.cat((before, queries), 1), torch.cat((nothing, wanted), 1))

    def cues(inputs: Tensor) -> Tensor:
        places = (inputs[:, :length] < symbols).nonzero()[:, 1].view(len(inputs), targets)
        away = length + torch.arange(targets, device=inputs.device) - places
        return torch.cat((torch.zeros_like(inputs[:, :length]), away), 1)

    names = ascii_uppercase[:symbols]
    return Sequences.drawn(
        "distracted-recall",
        draws,
        SIZES,
        seed,
        classes=tuple(names),
        symbols=(*names, *ascii_lowercase[:symbols], *map(str, range(1, targets + 1))),
        cues=cues,
    )
