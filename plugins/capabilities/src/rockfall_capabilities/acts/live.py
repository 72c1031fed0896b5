"""Episodes in a terminal, redrawn in place, several side by side."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rockfall.kit.environments import Frame
from rockfall_capabilities.acts import screen
from rockfall_capabilities.acts.episodes import EpisodeStates

GAP = 3
EXTRA_LINES = 4
"""Lines that the title, a caption and the footer take, and one for the cursor."""


def can_redraw(console: Console) -> bool:
    """Whether this is a terminal on which what was drawn can be drawn over."""
    return console.is_terminal and not console.is_dumb_terminal


def fits(frame: Frame, console: Console) -> bool:
    """Whether a frame of text can be shown whole."""
    if not isinstance(frame, str):
        return True
    lines = frame.rstrip("\n").split("\n")
    return max(map(len, lines)) <= console.width and len(lines) + EXTRA_LINES <= console.height


def board(states: EpisodeStates, console: Console, title: str, footer: str = "") -> RenderableType:
    """As many episodes as there is room for, each above its score."""
    room = max(1, console.height - EXTRA_LINES) if console.is_terminal else screen.MAX_LINES
    colour = not console.no_color and console.color_system in ("256", "truecolor", "windows")
    first = screen.draw(states.frames[0], console.width, room, colour)
    width, height = screen.size(first)
    width = max(width, len("score -000"))
    across = max(1, min(len(states.frames), (console.width + GAP) // (width + GAP)))
    down = max(1, (room + 2) // (height + 2))
    shown = list(range(len(states.frames)))[: across * down]
    table = Table.grid(padding=(0, GAP, 0, 0))
    for start in range(0, len(shown), across):
        row = shown[start : start + across]
        frames = [screen.draw(states.frames[i], console.width, room, colour) for i in row]
        table.add_row(*(Group(f, _caption(states, i)) for f, i in zip(frames, row, strict=True)))
    hidden = len(states.frames) - len(shown)
    below = [footer] if footer else []
    if hidden:
        below.append(f"{hidden} more for which there is no room")
    heading = Text(f"{title} · step {max(states.steps)}", no_wrap=True, overflow="ellipsis")
    return Group(heading, table, *(Text(line, no_wrap=True) for line in below))


class Stage:
    """Shows one step after another, `fps` a second."""

    def __init__(self, console: Console, title: str, footer: str, fps: float) -> None:
        self._console = console
        self._title, self._footer = title, footer
        self._period = 1 / fps
        self._due = time.monotonic()
        self._last: EpisodeStates | None = None
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

    def show(self, states: EpisodeStates) -> None:
        """Draw, and wait until the next step is due."""
        self.draw(states, self._footer)
        # What is late is not caught up: a burst of frames is not watchable.
        self._due = max(self._due + self._period, time.monotonic())
        time.sleep(max(0.0, self._due - time.monotonic()))

    def draw(self, states: EpisodeStates, footer: str) -> None:
        """Draw, and return at once."""
        self._last = states
        self._live.update(board(states, self._console, self._title, footer), refresh=True)


def _caption(states: EpisodeStates, episode: int) -> Text:
    over = " · over" if states.over[episode] else ""
    return Text(f"score {states.scores[episode]:g}{over}", no_wrap=True)
