"""The adding problem: the sum of two numbers among many, which a second input marks.

Hochreiter and Schmidhuber 1997, "Long Short-Term Memory", experiment 4; in the form of Le, Jaitly
and Hinton 2015, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units": values
uniform in 0 … 1, one marked in either half, their sum asked for at the end. Always to answer 1,
which is the mean, has a squared error of 1/6.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Generator

from rockfall import Batch
from rockfall.plugin import Seed
from rockfall_sequences.sequences import Sequences

SIZES = {"train": 2_000, "validation": 1_000, "test": 2_000}

Length = Annotated[int, Field(ge=2, le=10_000, description="steps of a sequence")]


def adding(length: Length = 100, seed: Seed = 0) -> Sequences:
    """Sequences (N, length, 2) of a value and its mark, 1 or 0."""

    def draws(count: int, generator: Generator) -> Batch:
        half = length // 2
        values = torch.rand(count, length, generator=generator)
        first = torch.randint(half, (count, 1), generator=generator)
        second = torch.randint(half, length, (count, 1), generator=generator)
        places = torch.cat((first, second), 1)
        marks = torch.zeros(count, length).scatter_(1, places, 1.0)
        sums = torch.full((count, length, 1), torch.nan)
        sums[:, -1] = values.gather(1, places).sum(1, keepdim=True)
        return Batch(torch.stack((values, marks), 2), sums)

    return Sequences.drawn("adding", draws, SIZES, seed)
