"""Frames of one game, one function for each of Gymnasium's render modes."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from falling_rocks.rules import NO_ROCK, Rules, State

Gradient: TypeAlias = tuple[tuple[int, int, int], tuple[int, int, int]]

FPS = 8
"""Steps a second that ``render_mode="human"`` shows: slow enough to play by hand."""
FRAME_SIZE = 256
SKY = (16, 20, 44), (58, 64, 104)
ROCK = (214, 204, 188), (104, 94, 92)
BOWL = (255, 190, 92), (206, 92, 34)
"""Colours at the top and at the bottom of an object, red, green and blue of 255."""
FOG, FOG_COVER = (88, 94, 118), 0.75
"""Its colour, and how much of what is behind it it hides."""


def frame(rules: Rules, state: State, render_mode: str | None) -> Any:
    """The game as ``"ansi"`` text or as an ``"rgb_array"``; ``None`` without a render mode."""
    if render_mode is None:
        return None
    return ansi(rules, state) if render_mode == "ansi" else rgb_array(rules, state)


def ansi(rules: Rules, state: State) -> str:
    """The screen as lines of text: ``o`` a rock, ``=`` the bowl, ``@`` a rock in it, and ``:`` a
    rock that is out of the player's sight.
    """
    grid = np.full((rules.size, rules.size), ".")
    grid[-1, _bowl_columns(rules, state)] = "="
    for row, rock in enumerate(state.rocks):
        if rock != NO_ROCK:
            rock_there = "o" if row < rules.seen_rows else ":"
            grid[row, rock] = "@" if grid[row, rock] == "=" else rock_there
    return "\n".join("".join(line) for line in grid) + "\n"


def rgb_array(rules: Rules, state: State) -> NDArray[np.uint8]:
    """The screen in colour, ``(side, side, 3)`` uint8, about 256 pixels a side.

    What is out of the player's sight is seen as through a fog.
    """
    cell = max(4, round(FRAME_SIZE / rules.size))
    y, x = (np.mgrid[: cell * rules.size, : cell * rules.size] + 0.5) / cell
    pixels = _shade(SKY, y / rules.size)

    for row, column in enumerate(state.rocks):
        if column != NO_ROCK:
            below = y - row - 0.5
            inside = 0.42 - np.hypot(x - column - 0.5, below)
            pixels = _paint(pixels, inside * cell, ROCK, below + 0.5)
    fogged = pixels[cell * rules.seen_rows :]
    fogged += (np.array(FOG) - fogged) * FOG_COVER

    # The bowl is the lower half of an ellipse, in front of the rock that it has caught.
    half_width, depth = rules.bowl_half_width + 0.45, 0.6
    below = y - (rules.size - depth - 0.05)
    ellipse = 1 - np.hypot((x - state.bowl - 0.5) / half_width, below / depth)
    inside = np.minimum(ellipse * depth, below)
    pixels = _paint(pixels, inside * cell, BOWL, below / depth)
    return pixels.astype(np.uint8)


def _shade(colours: Gradient, depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Blend from the first colour at ``depth`` 0 to the second at 1, ``(side, side, 3)``."""
    top, bottom = np.array(colours, np.float64)
    return np.asarray(top + (bottom - top) * depth.clip(0, 1)[..., None])


def _paint(
    pixels: NDArray[np.float64],
    inside: NDArray[np.float64],
    colours: Gradient,
    depth: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Paint an antialiased shape; ``inside`` is each pixel's distance from the outline, inwards."""
    cover = (inside + 0.5).clip(0, 1)[..., None]
    return np.asarray(pixels + (_shade(colours, depth) - pixels) * cover)


def _bowl_columns(rules: Rules, state: State) -> slice:
    """The columns of the bowl that are on the grid."""
    half = rules.bowl_half_width
    return slice(max(0, state.bowl - half), state.bowl + half + 1)
