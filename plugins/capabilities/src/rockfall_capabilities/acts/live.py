"""Games in a terminal, redrawn in place, several side by side."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rockfall.kit.environments.batched import Frame
from rockfall_capabilities.acts import screen
from rockfall_capabilities.acts.games import Moment

GAP = 3
AROUND = 4
"""Lines that the title, a caption and the footer take, and one for the cursor."""


def can_redraw(console: Console) -> bool:
    """Whether this is a terminal on which what was drawn can be drawn over."""
    return console.is_terminal and not console.is_dumb_terminal


def fits(frame: Frame, console: Console) -> bool:
    """Whether a frame of text can be shown whole."""
    if not isinstance(frame, str):
        return True
    lines = frame.rstrip("\n").split("\n")
    return max(map(len, lines)) <= console.width and len(lines) + AROUND <= console.height


def board(moment: Moment, console: Console, title: str, footer: str = "") -> RenderableType:
    """A moment: as many games as there is room for, each above its score."""
    room = max(1, console.height - AROUND) if console.is_terminal else screen.MOST_LINES
    colour = not console.no_color and console.color_system in ("256", "truecolor", "windows")
    first = screen.draw(moment.frames[0], console.width, room, colour)
    width, height = screen.size(first)
    width = max(width, len("score -000"))
    across = max(1, min(len(moment.frames), (console.width + GAP) // (width + GAP)))
    down = max(1, (room + 2) // (height + 2))
    shown = list(range(len(moment.frames)))[: across * down]
    table = Table.grid(padding=(0, GAP, 0, 0))
    for start in range(0, len(shown), across):
        row = shown[start : start + across]
        frames = [screen.draw(moment.frames[i], console.width, room, colour) for i in row]
        table.add_row(*(Group(f, _caption(moment, i)) for f, i in zip(frames, row, strict=True)))
    hidden = len(moment.frames) - len(shown)
    below = [footer] if footer else []
    if hidden:
        below.append(f"{hidden} more for which there is no room")
    heading = Text(f"{title} · step {max(moment.steps)}", no_wrap=True, overflow="ellipsis")
    return Group(heading, table, *(Text(line, no_wrap=True) for line in below))


class Stage:
    """Shows one moment after another, `fps` a second."""

    def __init__(self, console: Console, title: str, footer: str, fps: float) -> None:
        self._console = console
        self._title, self._footer = title, footer
        self._period = 1 / fps
        self._due = time.monotonic()
        self._last: Moment | None = None
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._last is not None and error is None:
                self.draw(self._last, "")
        finally:
            self._live.stop()

    def show(self, moment: Moment) -> None:
        """Draw, and wait until it is time for the next."""
        self.draw(moment, self._footer)
        # What is late is not caught up: a burst of frames is not watchable.
        self._due = max(self._due + self._period, time.monotonic())
        time.sleep(max(0.0, self._due - time.monotonic()))

    def draw(self, moment: Moment, footer: str) -> None:
        """Draw, and don't wait."""
        self._last = moment
        self._live.update(board(moment, self._console, self._title, footer), refresh=True)


def _caption(moment: Moment, game: int) -> Text:
    over = " · over" if moment.over[game] else ""
    return Text(f"score {moment.scores[game]:g}{over}", no_wrap=True)
