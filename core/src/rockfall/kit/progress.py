"""How far a long loop is, on standard error: a line that redraws itself, or one now and then."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from rockfall.kit.console import new_console
from rockfall.kit.units import duration

__all__ = ["counted"]

PATIENCE = 2.0
"""Seconds that nobody minds waiting without a word."""
PIPE_SECONDS = 15.0
"""Time between two lines where a line can't be redrawn."""
BETWEEN = 0.1
"""Seconds between two drawings of the line."""

WIPE = Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2))
"""While a run is evaluated, its own progress line is on the terminal, and this clears it first."""

T = TypeVar("T")


def counted(
    items: Iterable[T], total: int | None, what: str, console: Console | None = None
) -> Iterator[T]:
    """The items as they come; `what`, such as "reading pictures", is said if it takes long.

    total: how many there are, if that is known.
    """
    console = console or new_console(stderr=True)
    pause = BETWEEN if console.is_terminal else PIPE_SECONDS
    began = time.monotonic()
    due = began + PATIENCE
    live = Live(console=console, auto_refresh=False, transient=True)
    try:
        for done, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if now >= due:
                due = now + pause
                line = Text(f"{what}: {done:,}")
                if total is not None:
                    left = duration((now - began) / done * (total - done))
                    line.append(f" of {total:,}, {left} left")
                if console.is_terminal:
                    if not live.is_started:
                        console.control(WIPE)
                        live.start()
                    live.update(line, refresh=True)
                else:
                    console.print(line, soft_wrap=True)
    finally:
        live.stop()
