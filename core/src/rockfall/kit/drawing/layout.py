"""Pages put together from smaller pictures: words, beside one another, below one another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from PIL import Image, ImageDraw

from rockfall.kit.drawing.colours import EDGE, FAINT, INK, PAPER
from rockfall.kit.drawing.lettering import font

LEAST_TITLE = 560
"""Pixels that a title may take though the rest of its page is narrower."""

Align = Literal["start", "middle", "end"]


def words(
    text: str, size: int = 13, colour: tuple[int, int, int] = INK, width: int = 0
) -> Image.Image:
    """One line of letters on paper, as high for every text; cut to `width` pixels if it is given.

    What is cut ends in two dots.
    """
    letters = font(size, text)
    if width and letters.getlength(text) > width:
        while text and letters.getlength(text + "..") > width:
            text = text[:-1]
        text = text.rstrip() + ".."
    ascent, descent = letters.getmetrics()
    # Fonts differ in height, and a line of digits must not jump beside one with an umlaut.
    height = max(ascent + descent, round(1.35 * size))
    page = Image.new("RGB", (max(1, math.ceil(letters.getlength(text))), height), PAPER)
    ImageDraw.Draw(page).text((0, (height + ascent - descent) // 2), text, colour, letters, "ls")
    return page


def width_of(texts: Sequence[str], size: int = 13) -> int:
    """Pixels that the longest of some lines takes."""
    return max((math.ceil(font(size, text).getlength(text)) for text in texts), default=0)


def beside(parts: Sequence[Image.Image], gap: int = 8, align: Align = "start") -> Image.Image:
    """From left to right; `align` says where the lower ones stand."""
    height = max(part.height for part in parts)
    page = Image.new("RGB", (sum(p.width for p in parts) + gap * (len(parts) - 1), height), PAPER)
    left = 0
    for part in parts:
        page.paste(part, (left, _offset(height - part.height, align)))
        left += part.width + gap
    return page


def below(parts: Sequence[Image.Image], gap: int = 8, align: Align = "start") -> Image.Image:
    """From top to bottom; `align` says where the narrower ones stand."""
    width = max(part.width for part in parts)
    page = Image.new("RGB", (width, sum(p.height for p in parts) + gap * (len(parts) - 1)), PAPER)
    top = 0
    for part in parts:
        page.paste(part, (_offset(width - part.width, align), top))
        top += part.height + gap
    return page


def in_grid(cells: Sequence[Image.Image], columns: int, gap: int = 8) -> Image.Image:
    """Row by row in columns of one width; a row is as high as its highest cell."""
    width = max(cell.width for cell in cells)
    rows = [cells[first : first + columns] for first in range(0, len(cells), columns)]
    return below([beside([padded(cell, width) for cell in row], gap) for row in rows], gap)


def padded(part: Image.Image, width: int, align: Align = "middle") -> Image.Image:
    """Paper left and right up to a width."""
    page = Image.new("RGB", (max(width, part.width), part.height), PAPER)
    page.paste(part, (_offset(page.width - part.width, align), 0))
    return page


def framed(part: Image.Image, colour: tuple[int, int, int] = EDGE) -> Image.Image:
    """With a line around it, where what is pale would run into the paper."""
    page = Image.new("RGB", (part.width + 2, part.height + 2), colour)
    page.paste(part, (1, 1))
    return page


def page(title: str, note: str, body: Image.Image, margin: int = 16) -> Image.Image:
    """A whole picture: a title, a fainter line that says how to read it, and the rest."""
    room = max(body.width, LEAST_TITLE)
    lines = [words(title, 16, width=room), *([words(note, 12, FAINT)] if note else [])]
    head = below(lines, 2)
    inside = below([head, body], 14)
    whole = Image.new("RGB", (inside.width + 2 * margin, inside.height + 2 * margin), PAPER)
    whole.paste(inside, (margin, margin))
    return whole


def _offset(room: int, align: Align) -> int:
    return {"start": 0, "middle": room // 2, "end": room}[align]
