"""Text that others wrote, made safe to show.

Control characters can write a terminal's clipboard, move its cursor or change its title, and those
for the direction of writing can make a line read as what it is not. Nothing that is shown needs
any but line breaks and tabs.
"""

from __future__ import annotations

import re

__all__ = ["printable"]

HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but for tab and line feed
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # format
    "\ud800-\udfff"  # halves of a pair, which no encoding takes
    "\U000e0000-\U000e007f"  # tags
    "]"
)
"""The joiners U+200C and U+200D are none of them: emoji and many scripts need these."""


def printable(text: str) -> str:
    r"""`text` with every control and hidden character as `\u001b`, but for line breaks and tabs.

    It stays JSON where it was, and what is printable already stays as it is.
    """
    return HIDDEN.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
