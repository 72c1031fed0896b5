"""Tables on standard output, readable at any width, with or without colour."""

from __future__ import annotations

import functools
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


@functools.cache
def console() -> Console:
    """Standard output; as wide as the terminal, or in a pipe 100 columns (or `COLUMNS`)."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=shutil.get_terminal_size((100, 24)).columns)


def print_table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A plain table; long cells wrap rather than being cut."""
    table = Table(box=None, pad_edge=False, show_header=any(headers))
    for number, header in enumerate(headers):
        table.add_column(header, overflow="fold", style="bold" if number == 0 else "")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, str) else str(cell) for cell in row))
    with console().capture() as printed:
        console().print(table)
    for line in printed.get().splitlines():
        sys.stdout.write(f"{line.rstrip()}\n")
