"""The copy task: symbols to be repeated in their order, after a delay without anything.

Hochreiter and Schmidhuber 1997, "Long Short-Term Memory", in the form of Arjovsky, Shah and Bengio
2016, "Unitary Evolution Recurrent Neural Networks", arXiv:1511.06464: 10 symbols of 8, a delay of
blanks, a mark, and then blanks, at each of which one of the symbols is asked for. Departs from the
latter: nothing is asked for at the other steps, where the answer would always be a blank.
"""

from __future__ import annotations

from string import ascii_uppercase
from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor

from rockfall import Batch
from rockfall.kit.targets import NO_TARGET
from rockfall.plugin import Seed
from rockfall_sequences.sequences import Sequences

SIZES = {"train": 2_000, "validation": 1_000, "test": 2_000}

Delay = Annotated[int, Field(ge=1, le=10_000, description="steps from the symbols to the mark")]
Count = Annotated[int, Field(ge=1, le=1_000, description="symbols to be repeated")]
Symbols = Annotated[int, Field(ge=2, le=26, description="symbols that there are")]


def copy(delay: Delay = 100, count: Count = 10, symbols: Symbols = 8, seed: Seed = 0) -> Sequences:
    """Sequences (N, 2 count + delay) of `A` …, blanks `·` and the mark `?`."""
    blank, mark = symbols, symbols + 1

    def draws(number: int, generator: Generator) -> Batch:
        wanted = torch.randint(symbols, (number, count), generator=generator)
        after = torch.full((number, delay + count), blank)
        after[:, delay - 1] = mark
        labels = torch.full((number, 2 * count + delay), NO_TARGET)
        labels[:, count + delay :] = wanted
        return Batch(torch.cat((wanted, after), 1), labels)

    def cues(inputs: Tensor) -> Tensor:
        away = torch.zeros_like(inputs)
        away[:, count + delay :] = count + delay
        return away

    names = tuple(ascii_uppercase[:symbols])
    return Sequences.drawn(
        "copy", draws, SIZES, seed, classes=names, symbols=(*names, "·", "?"), cues=cues
    )
