"""Pictures of one game, as text or in colour."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from falling_rocks.rules import NO_ROCK, Rules, State

Gradient: TypeAlias = tuple[tuple[int, int, int], tuple[int, int, int]]

FPS = 8
PICTURE_SIZE = 256
SKY = (16, 20, 44), (58, 64, 104)
ROCK = (214, 204, 188), (104, 94, 92)
BOWL = (255, 190, 92), (206, 92, 34)
"""The colour of a thing at its top, and at its bottom."""


def checked(render_mode: str | None, allowed: list[str]) -> str | None:
    """Return ``render_mode``, or raise a ``ValueError`` where it is not one of ``allowed``."""
    if render_mode is not None and render_mode not in allowed:
        raise ValueError(f"render_mode={render_mode!r} is not allowed: it must be in {allowed}")
    return render_mode


def frame(rules: Rules, state: State, render_mode: str | None) -> Any:
    """The game as ``"ansi"`` text or as an ``"rgb_array"``; ``None`` without a render mode."""
    if render_mode is None:
        return None
    return text(rules, state) if render_mode == "ansi" else picture(rules, state)


def text(rules: Rules, state: State) -> str:
    """The screen as lines of text: ``o`` a rock, ``=`` the bowl, ``@`` a rock in it."""
    grid = np.full((rules.size, rules.size), ".")
    grid[-1, _bowl_columns(rules, state)] = "="
    for row, rock in enumerate(state.rocks):
        if rock != NO_ROCK:
            grid[row, rock] = "@" if grid[row, rock] == "=" else "o"
    return "\n".join("".join(line) for line in grid) + "\n"


def picture(rules: Rules, state: State) -> NDArray[np.uint8]:
    """The screen in colour, ``(side, side, 3)``, about 256 pixels a side."""
    cell = max(4, round(PICTURE_SIZE / rules.size))
    y, x = (np.mgrid[: cell * rules.size, : cell * rules.size] + 0.5) / cell
    pixels = _shade(SKY, y / rules.size)

    for row, column in enumerate(state.rocks):
        if column != NO_ROCK:
            below = y - row - 0.5
            inside = 0.42 - np.hypot(x - column - 0.5, below)
            pixels = _paint(pixels, inside * cell, ROCK, below + 0.5)

    # The bowl is the lower half of an ellipse, in front of the rock that it has caught.
    half_width, depth = rules.reach + 0.45, 0.6
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
    """Paint a shape whose pixels are ``inside`` its outline by so many pixels, softly edged."""
    cover = (inside + 0.5).clip(0, 1)[..., None]
    return np.asarray(pixels + (_shade(colours, depth) - pixels) * cover)


def _bowl_columns(rules: Rules, state: State) -> slice:
    """The columns of the bowl that are on the grid."""
    return slice(max(0, state.bowl - rules.reach), state.bowl + rules.reach + 1)
