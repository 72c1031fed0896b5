"""Tables and JSON on standard output, readable at any width, with or without colour."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


@functools.cache
def console() -> Console:
    """Standard output; as wide as the terminal, or 100 columns (or `COLUMNS`) in a pipe."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=int(os.environ.get("COLUMNS") or 100))


def print_table(headers: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """A plain table; long cells wrap rather than being cut."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for number, header in enumerate(headers):
        table.add_column(header, overflow="fold", style="bold" if number == 0 else "")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, str) else str(cell) for cell in row))
    console().print(table)


def print_json(data: Any) -> None:
    """One JSON document, for programs."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def say(*lines: str) -> None:
    """Lines for people; the last of a command says what to do next."""
    for line in lines:
        console().print(line, markup=False)
