"""Numbers as colours that the colour-blind can tell apart; arrays of any shape gain an axis RGB."""

from __future__ import annotations

import numpy as np

PAPER, INK, FAINT = (255, 255, 255), (40, 40, 46), (110, 110, 120)
"""Of a page, its letters, and what is said beside."""
EDGE, GRID = (205, 205, 212), (228, 228, 233)
"""Of frames and of a chart's lines."""
ZERO = PAPER
ORANGE = ((240, 158, 77), (200, 85, 0), (110, 42, 0))
BLUE = ((122, 180, 222), (0, 114, 178), (0, 46, 92))
"""Okabe and Ito's orange and blue on their way from white to dark."""
HEAT = ((20, 20, 40), (120, 28, 109), (225, 75, 50), (250, 175, 40), (252, 252, 200))
"""From dark to light, as hot iron."""


def diverging(values: np.ndarray) -> np.ndarray:
    """-1 … 1 as orange … white … blue, (…, 3) uint8."""
    return _between(values, (*reversed(ORANGE), ZERO, *BLUE), -1.0, 1.0)


def shades(values: np.ndarray, towards: tuple[tuple[int, int, int], ...] = BLUE) -> np.ndarray:
    """0 … 1 as white … the last of some colours, (…, 3) uint8."""
    return _between(values, (ZERO, *towards), 0.0, 1.0)


def heat(values: np.ndarray) -> np.ndarray:
    """0 … 1 as dark … glowing, (…, 3) uint8."""
    return _between(values, HEAT, 0.0, 1.0)


def _between(
    values: np.ndarray, colours: tuple[tuple[int, int, int], ...], low: float, high: float
) -> np.ndarray:
    places = np.linspace(low, high, len(colours))
    channels = [np.interp(values, places, levels) for levels in zip(*colours, strict=True)]
    return np.stack(channels, -1).round().astype(np.uint8)
