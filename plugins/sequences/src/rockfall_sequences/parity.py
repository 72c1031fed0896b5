"""Parity: at each step, whether the number of ones so far is odd.

Minsky and Papert 1969, "Perceptrons", of bits side by side; one after the other, one bit of memory
is enough, but each input may turn it over, so that nothing short of the whole sequence tells.
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

Length = Annotated[int, Field(ge=20, le=10_000, description="steps of a sequence")]


def parity(length: Length = 32, seed: Seed = 0) -> Sequences:
    """Sequences (N, length) of `0` and `1`, and at each step 1 where the number so far is odd."""

    def draws(count: int, generator: Generator) -> Batch:
        bits = torch.randint(2, (count, length), generator=generator)
        return Batch(bits, bits.cumsum(1) % 2)

    bits = ("0", "1")
    return Sequences.drawn("parity", draws, SIZES, seed, classes=bits, symbols=bits)
