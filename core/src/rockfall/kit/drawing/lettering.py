"""Letters in pictures."""

from __future__ import annotations

import functools
from typing import Any

from PIL import ImageFont

FALLBACKS = ("DejaVuSans.ttf", "Arial Unicode.ttf", "arial.ttf")


@functools.cache
def font(size: int, text: str = "") -> Any:
    """A font for `text`: Pillow's own, which has ASCII, or a system's for more, if there is one."""
    if not text.isascii():
        for name in FALLBACKS:
            try:
                return ImageFont.truetype(name, size)
            except OSError:
                continue
    return ImageFont.load_default(size)
