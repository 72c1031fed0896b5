"""A download as people see it, on standard error: a line that redraws itself, or one now and then.

In a pipe there is a line at the start of each connection and then one every few seconds.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from rockfall.kit.console import new_console, say
from rockfall.kit.progress import PIPE_SECONDS
from rockfall.kit.units import duration

BETWEEN = 0.1
"""Seconds between two drawings of the line."""


class Downloading:
    """Progress of one file of `size` bytes, if that is known."""

    def __init__(self, name: str, size: int | None, console: Console | None = None) -> None:
        self.name, self.size = name, size
        self.console = console or new_console(stderr=True)
        self._live = Live(
            console=self.console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,  # what a program reads there stays there
            redirect_stderr=False,
        )
        self._next = 0.0
        self._began: tuple[float, int] | None = None

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def ask(self, host: str) -> None:
        """A connection is being made to `host`, which may take a while."""
        size = f" ({megabytes(self.size)})" if self.size else ""
        self._began = None
        self._show(Text(f"downloading {self.name}{size} from {host}"))

    def wait(self, host: str, why: str) -> None:
        """A host is to be asked again later."""
        self._show(Text(f"downloading {self.name}: {host} says {why}"))

    def reached(self, done: int) -> None:
        """So many bytes are there."""
        now = time.monotonic()
        if self._began is None:
            self._began = now, done
        if now >= self._next:
            began, first = self._began
            self._show(self._line(done, (done - first) / max(now - began, 1e-3)))

    def _show(self, line: Text) -> None:
        if self.console.is_terminal:
            line.truncate(self.console.width - 1, overflow="ellipsis")
            self._live.update(line, refresh=True)
        else:
            self.console.print(line, soft_wrap=True)
        self._next = time.monotonic() + (BETWEEN if self.console.is_terminal else PIPE_SECONDS)

    def _line(self, done: int, speed: float) -> Text:
        rate = f"{megabytes(speed)}/s"
        if not self.size:
            return Text(f"downloading {self.name}  {megabytes(done)}  {rate}")
        fraction = min(done / self.size, 1.0)
        left = f", {duration((self.size - done) / speed)} left" if speed > 0 else ""
        width = max(4, min(20, self.console.width // 5))
        bar = "━" * round(width * fraction)
        return Text(
            f"{bar:─<{width}} {100 * fraction:3.0f} % of {megabytes(self.size)}  {rate}{left}  "
            f"{self.name}"
        )


def tell(line: str) -> None:
    """One line on standard error."""
    say(line, err=True)


def megabytes(count: float) -> str:
    """`9.9 MB`, in millions of bytes, as downloads are announced; small ones in kB."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
