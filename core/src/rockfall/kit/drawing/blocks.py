"""Small drawings out of block characters, which need no colour."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

HEIGHTS = "▁▂▃▄▅▆▇█"
WIDTHS = " ▏▎▍▌▋▊▉█"


def sparkline(values: Sequence[float], width: int) -> str:
    """Values from lowest to highest, in at most `width` characters, each the mean of its share."""
    count = min(width, len(values))
    edges = [len(values) * i // count for i in range(count + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    top = len(HEIGHTS) - 1
    return "".join(
        HEIGHTS[round(top * (m - low) / (high - low)) if high > low else 0] for m in means
    )


def bar(fraction: float, width: int) -> str:
    """A bar of at most `width` characters, exact to an eighth of one, padded to it."""
    whole, eighth = divmod(round(8 * width * min(max(fraction, 0.0), 1.0)), 8)
    return ("█" * whole + (WIDTHS[eighth] if eighth else "")).ljust(width)
