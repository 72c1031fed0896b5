"""The embedded Reber grammar: what comes near the end was decided at the beginning.

Reber 1967; embedded by Cleeremans, Servan-Schreiber and McClelland 1989, "Finite State Automata and
Simple Recurrent Networks", and the first experiment of Hochreiter and Schmidhuber 1997. A string
begins with B, then T or P; a string of the inner grammar, from B to E, follows; then comes the same
T or P as before, and E.

The next symbol is asked for: in training at every step, where in most states two are as likely; in
validation and test only where one alone can follow, of which the last T or P is the one to be
remembered, so that a memory that has learned the grammar is always right. Strings are filled up
with `·` to the same length; of those that are longer, one in 1,000 of 40, another is drawn.
"""

from __future__ import annotations

import torch
from torch import Generator

from rockfall import Batch, Split
from rockfall.kit.targets import NO_TARGET
from rockfall.plugin import Seed
from rockfall_sequences.sequences import Sequences

SYMBOLS = "BTPSXVE"
PADDING = "·"
INNER = ("T1 P2", "S1 X3", "T2 V4", "X2 S5", "P3 V5")
"""Of each state of the inner grammar, the symbols that may follow, and to which state; 5: E."""
LONGEST = 40
SIZES = {"train": 2_000, "validation": 1_000, "test": 2_000}


def reber(seed: Seed = 0) -> Sequences:
    """Sequences (N, 39) of the symbols BTPSXVE and padding, with the next symbol for a target."""
    generator = torch.Generator().manual_seed(seed)
    splits = {
        name: Split(*batch(size, generator, every=name == "train")) for name, size in SIZES.items()
    }
    return Sequences(
        "reber",
        splits,
        classes=tuple(SYMBOLS),
        symbols=(*SYMBOLS, PADDING),
        draws=lambda count, generator: batch(count, generator, every=True),
        seed=seed,
    )


def batch(count: int, generator: Generator, every: bool) -> Batch:
    """every: whether each step has a target, or those alone after which one symbol can follow."""
    inputs = torch.full((count, LONGEST - 1), len(SYMBOLS))
    labels = torch.full((count, LONGEST - 1), NO_TARGET)
    for row in range(count):
        string, certain = draw(generator)
        numbers = torch.tensor([SYMBOLS.index(symbol) for symbol in string])
        asked = torch.tensor(certain[1:]) | every
        inputs[row, : len(string) - 1] = numbers[:-1]
        labels[row, : len(string) - 1] = torch.where(asked, numbers[1:], NO_TARGET)
    return Batch(inputs, labels)


def draw(generator: Generator) -> tuple[str, list[bool]]:
    """A string of the embedded grammar, and of each symbol whether it alone could follow."""
    coins = torch.randint(2, (LONGEST,), generator=generator).tolist()
    outer = "TP"[coins.pop()]
    inner, state = "", 0
    while state < 5 and coins:
        symbol, after = INNER[state].split()[coins.pop()]
        inner, state = inner + symbol, int(after)
    string = f"B{outer}B{inner}E{outer}E"
    if len(string) > LONGEST:
        return draw(generator)
    return string, [True, False, True, *[False] * len(inner), True, True, True]
