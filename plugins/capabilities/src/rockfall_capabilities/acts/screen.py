"""One rendered frame as lines of a terminal: text as it is, a picture in coloured half blocks or,
where there is no colour, in characters from light to dark.
"""

from __future__ import annotations

import numpy as np
from rich.style import Style
from rich.text import Text

from rockfall.kit.environments import Frame

RAMP = " .:-=+*#%@"
MAX_COLUMNS, MAX_LINES = 76, 30
"""A picture is not drawn larger, even where there is room: it would only be slow."""


def draw(frame: Frame, columns: int, lines: int, colour: bool) -> Text:
    """The frame in at most so many columns and lines; text that is larger is cut."""
    if isinstance(frame, str):
        return _written(frame, columns, lines)
    columns, lines = min(columns, MAX_COLUMNS), min(lines, MAX_LINES)
    return _in_blocks(frame, columns, lines) if colour else _in_shades(frame, columns, lines)


def size(text: Text) -> tuple[int, int]:
    """(columns, lines) of drawn text."""
    lines = text.plain.split("\n")
    return max(map(len, lines)), len(lines)


def _written(frame: str, columns: int, lines: int) -> Text:
    text = Text.from_ansi(frame.rstrip("\n"))
    width, height = size(text)
    if width <= height and 2 * width - 1 <= columns:
        # A character is twice as high as wide; with a space between two, a square board is square.
        text = Text("\n").join(
            Text(" ").join(line.divide(range(1, len(line)))) for line in text.split()
        )
    rows = text.split()[:lines]
    for row in rows:
        row.truncate(columns)
    return Text("\n", no_wrap=True).join(rows)


def _in_blocks(picture: np.ndarray, columns: int, lines: int) -> Text:
    pixels = _scaled(picture, columns, 2 * lines, 1.0)
    pixels = pixels[: len(pixels) // 2 * 2]
    text = Text(no_wrap=True)
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        if text:
            text.append("\n")
        for above, below in zip(upper.tolist(), lower.tolist(), strict=True):
            style = f"rgb({','.join(map(str, above))}) on rgb({','.join(map(str, below))})"
            text.append("▀", Style.parse(style))
    return text


def _in_shades(picture: np.ndarray, columns: int, lines: int) -> Text:
    light = _scaled(picture, columns, lines, 0.5).astype(float).mean(2)
    # Objects differ from the background, which may be light, dark, or a sky that goes evenly from
    # one to the other.
    slope = np.median(np.diff(np.median(light, axis=1)))
    level = light - slope * np.arange(len(light))[:, None]
    contrast = abs(level - np.median(level))
    shades = (contrast / max(contrast.max(), 1) * len(RAMP)).astype(int).clip(0, len(RAMP) - 1)
    return Text("\n".join("".join(RAMP[s] for s in row) for row in shades), no_wrap=True)


def _scaled(picture: np.ndarray, columns: int, rows: int, aspect: float) -> np.ndarray:
    """Fitted into so many columns and rows; aspect: width of a cell ÷ its height."""
    from PIL import Image

    height, width = picture.shape[:2]
    factor = min(columns / width, rows / (height * aspect))
    to = max(1, round(width * factor)), max(2, round(height * factor * aspect))
    return np.asarray(Image.fromarray(picture).convert("RGB").resize(to, Image.Resampling.BOX))
