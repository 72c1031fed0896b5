"""Prediction by what followed the last few symbols: the baseline of text.

Witten and Bell 1991, "The Zero-Frequency Problem": the probability of a symbol after a context of
n − 1 others is mixed with that after one of n − 2, down to one that all symbols share, and the
shorter context counts as much as the longer has had different followers:

    p(s | c₁…cₙ₋₁) = (N(c₁…cₙ₋₁ s) + F p(s | c₂…cₙ₋₁)) / (N(c₁…cₙ₋₁) + F)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence


class NGrams:
    """Counts of what follows each context of up to n − 1 symbols."""

    def __init__(self, symbols: Sequence[int], n: int, kinds: int) -> None:
        """kinds: how many different symbols there may be."""
        self.n, self.kinds = n, kinds
        self.followers: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for end, symbol in enumerate(symbols):
            for size in range(min(n, end + 1)):
                self.followers[tuple(symbols[end - size : end])][symbol] += 1

    def probability(self, context: Sequence[int], symbol: int) -> float:
        """Of a symbol, by as much of the context as counts."""
        found = 1 / self.kinds
        for size in range(min(self.n - 1, len(context)) + 1):
            counts = self.followers.get(tuple(context[len(context) - size :]))
            if counts is None:
                break
            distinct = len(counts)
            found = (counts[symbol] + distinct * found) / (counts.total() + distinct)
        return found
