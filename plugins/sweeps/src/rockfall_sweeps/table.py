"""All trials in one live table; in a pipe, a line for each that ends."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from rockfall.kit.console import new_console
from rockfall.kit.escaping import printable
from rockfall.kit.units import duration

BETWEEN = 0.2
"""Seconds between two drawings."""
AROUND = 9
"""Lines of the terminal that are left to what is around the table."""


class TrialTable:
    """Hears what happens in a sweep, and shows it on standard error."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or new_console(stderr=True)
        self._rows: dict[int, dict[str, Any]] = {}
        self._began, self._next = time.monotonic(), 0.0
        self._live: Live | None = None
        self._space: dict[str, str] = {}
        self._metric, self._lowest = "", False

    def close(self) -> None:
        """Leave the table as it is."""
        if self._live is not None:
            self._live.update(self.table(), refresh=True)
            self._live.stop()
            self._live = None

    def __call__(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "sweep":
            self._begin(data)
            return
        if kind == "warning":
            self._say(f"warning: {data['message']}")
            return
        row = self._rows.setdefault(data["trial"], {"settings": data["settings"], "runs": {}})
        if kind == "trial":
            row.update(state=data["state"], reason=data["reason"], value=data["value"])
            row.update(error=data["error"], runs={})
            if self._live is None:
                self._say(line(data, self._metric))
        elif kind == "run":
            row["runs"].pop(data["run"], None)
        else:
            row["runs"][data["run"]] = (data.get("fraction", 0.0), data.get("metrics", {}))
        if self._live is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + BETWEEN
            self._live.update(self.table(), refresh=True)

    def _begin(self, data: dict[str, Any]) -> None:
        self._space, self._metric, self._lowest = data["space"], data["metric"], data["lowest"]
        better = "lower" if self._lowest else "higher"
        going_on = f", {data['begun']} trials so far" if data["begun"] else ""
        space = " ".join(f"{name}={text}" for name, text in self._space.items())
        self._say(
            f"sweep {data['name']}: {data['model']} on {data['source']}, {space}; judged by "
            f"{self._metric} on validation, {better} is better{going_on}"
        )
        if self.console.is_terminal:
            self._live = Live(console=self.console, auto_refresh=False, transient=True)
            self._live.start()

    def table(self) -> Table:
        """The trials that run, and of those that ended the best ones, as far as there is room."""
        states = [row.get("state", "running") for row in self._rows.values()]
        counts = ", ".join(
            f"{states.count(state)} {state}"
            for state in ("running", "complete", "pruned", "fail")
            if state in states
        )
        taken = duration(time.monotonic() - self._began)
        table = Table(box=None, pad_edge=False, title_justify="left", title=f"{counts}, {taken}")
        for header in ("trial", *self._space, self._metric, ""):
            table.add_column(header, overflow="fold")
        sign = 1 if self._lowest else -1
        ended = [n for n, row in self._rows.items() if row.get("value") is not None]
        ended.sort(key=lambda number: sign * self._rows[number]["value"])
        others = [n for n, row in self._rows.items() if "state" in row and n not in set(ended)]
        running = [n for n, row in self._rows.items() if "state" not in row]
        room = max(1, self.console.height - AROUND - len(running))
        for number in [*running, *[*ended, *reversed(others)][:room]]:
            row = self._rows[number]
            settings = [short(row["settings"].get(name)) for name in self._space]
            best = "best" if ended and number == ended[0] else ""
            state = how_far(row) if "state" not in row else row.get("reason") or best
            table.add_row(str(number), *settings, value_text(row), printable(state)[:60])
        return table

    def _say(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)


def how_far(row: dict[str, Any]) -> str:
    """`63 %`, and of several runs each."""
    return "  ".join(f"{100 * fraction:.0f} %" for fraction, _ in row["runs"].values())


def value_text(row: dict[str, Any]) -> str:
    """`0.91 ± 0.02`."""
    if row.get("value") is None:
        return ""
    error = f" ± {row['error']:.2g}" if row.get("error") else ""
    return f"{row['value']:.4g}{error}"


def short(value: Any) -> str:
    """A setting in a table: numbers with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def line(data: dict[str, Any], metric: str) -> str:
    """A trial that has ended, in a line."""
    settings = " ".join(f"{name}={short(value)}" for name, value in data["settings"].items())
    outcome = data["reason"] or f"{metric} {value_text(data)}"
    return f"trial {data['trial']}: {settings}: {outcome}"
