"""Progress in a terminal: one line that redraws itself; in a pipe, a line now and then."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from rockfall.kit.console import new_console, say
from rockfall.kit.measurements import count
from rockfall.kit.progress import PIPE_SECONDS
from rockfall.kit.units import duration
from rockfall.run.events import Event
from rockfall.summary import outcome_lines


class TerminalListener:
    """Draws on standard error, so that standard output stays a program's."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or new_console(stderr=True)
        self._live: Live | None = None
        self._next_line = 0.0

    def __call__(self, event: Event) -> None:
        handler = getattr(self, f"_on_{event.kind}", None)
        if handler is not None:
            handler(event.data)

    def _on_started(self, data: dict[str, Any]) -> None:
        begun = f"going on at step {data['resumed']}" if data["resumed"] is not None else "training"
        self._print(
            f"{begun}: {data['model'].rpartition(':')[2]} on {data['source']} "
            f"({data['device']}), run {data['run']}"
        )
        self._next_line = time.monotonic() + PIPE_SECONDS
        if self.console.is_terminal:
            self._live = Live(console=self.console, auto_refresh=False, transient=True)
            self._live.start()

    def _on_progress(self, data: dict[str, Any]) -> None:
        if self._live is not None:
            self._live.update(self._line(data), refresh=True)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + PIPE_SECONDS
            self.console.print(self._line(data))

    def _on_evaluating(self, data: dict[str, Any]) -> None:
        if self._live is not None:
            self._live.update(Text(f"measuring on {data['what']} …"), refresh=True)

    def _on_warning(self, data: dict[str, Any]) -> None:
        self._print(f"warning: {data['message']}")

    def _on_finished(self, data: dict[str, Any]) -> None:
        self._stop()
        say(*outcome_lines(data))

    def _on_interrupted(self, data: dict[str, Any]) -> None:
        self._stop()

    _on_failed = _on_interrupted

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _line(self, data: dict[str, Any]) -> Text:
        fraction, seconds = data["fraction"], data["seconds"]
        left = f", {duration(seconds / fraction - seconds)} left" if fraction > 0.02 else ""
        taken = data.get("environment_steps")
        speed = f", {count(taken / seconds)} steps/s" if taken and seconds else ""
        # Backwards: what a method is after, it logs last, and a narrow line is cut at its end.
        metrics = "  ".join(f"{k} {v:.4g}" for k, v in reversed(data["metrics"].items()))
        width = max(4, min(20, self.console.width // 5))
        bar = "━" * round(width * fraction)
        line = Text(
            f"{bar:─<{width}} {100 * fraction:3.0f} % {duration(seconds)}{left}{speed}  {metrics}"
        )
        line.truncate(self.console.width - 1, overflow="ellipsis")
        return line

    def _print(self, *lines: str) -> None:
        for line in lines:
            self.console.print(line, markup=False, soft_wrap=True)
