"""Text for people and programs: lines, labels, JSON and tables. Rich is imported only for tables.

All that is shown goes through here, and what could act on a terminal is escaped here: see
`rockfall.kit.escaping`.
"""

from __future__ import annotations

import functools
import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from rockfall.kit.answers import standard_output
from rockfall.kit.escaping import printable

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

__all__ = ["console", "hang", "new_console", "print_json", "print_table", "say", "wrote"]

USUAL = (100, 24)
"""Columns and lines of what is no terminal."""
BESIDE = 20
"""Columns that text beside a label needs; with fewer it goes below."""
WORD = 16
"""Letters of a word that a column of a table has to hold; a longer one is broken."""
GAP = 2
"""Columns of the terminal between two of a table."""


def say(*lines: str, err: bool = False) -> None:
    """Lines for people; the last of a command says what to do next. err: on standard error."""
    for line in lines:
        click.echo(printable(line), file=sys.stderr if err else standard_output())


def wrote(path: Path, note: str = "") -> str:
    """`wrote PATH (NOTE)`; without a note, the file's size."""
    return f"wrote {path} ({note or f'{path.stat().st_size / 1000:,.0f} kB'})"


def hang(label: str, text: str) -> None:
    """A label, and text that wraps beside it, or below it where there is no room."""
    columns = width()
    indent = " " * len(label)
    if columns < len(label) + BESIDE:
        say(label.rstrip())
        label = indent = (GAP + len(label) - len(label.lstrip())) * " "
    say(_wrapped(printable(text), columns, label, indent))


def print_json(data: Any) -> None:
    """One JSON document, for programs."""
    say(json.dumps(data, indent=2, ensure_ascii=False))


def width() -> int:
    """Columns of the terminal; in a pipe 100 (or `COLUMNS`)."""
    return shutil.get_terminal_size(USUAL).columns


@functools.cache
def console() -> Console:
    """Rich's console on standard output; in a pipe 100 columns wide (or `COLUMNS`)."""
    return new_console(width=None if sys.stdout.isatty() else width())


def new_console(**how: Any) -> Console:
    """A console of Rich's that takes no text for markup and lets no control character through."""
    from rockfall.kit.safe_console import SafeConsole

    return SafeConsole(highlight=False, markup=False, emoji=False, **how)


def print_table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A plain table, readable at any width: long cells wrap rather than being cut, and where not
    even their words have room beside each other, the cells of a row stand one below the other.
    """
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    if _narrowest([headers, *cells]) > console().width:
        _print_stacked(headers, cells)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=any(headers))
    for number, header in enumerate(headers):
        table.add_column(header, overflow="fold", style="bold" if number == 0 else "")
    for row in cells:
        table.add_row(*row)
    with console().capture() as printed:
        console().print(table)
    for line in printed.get().splitlines():
        sys.stdout.write(f"{line.rstrip()}\n")


def _narrowest(rows: Sequence[Sequence[str]]) -> int:
    """Columns of the terminal that a table takes whose words are whole."""
    longest = [
        max((min(len(word), WORD) for cell in column for word in cell.split()), default=0)
        for column in zip(*rows, strict=True)
    ]
    return sum(longest) + GAP * (len(longest) - 1)


def _print_stacked(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    for first, *others in rows:
        say(_wrapped(first, console().width, "", GAP * " "))
        for header, cell in zip(headers[1:], others, strict=True):
            if cell:
                label = f"{GAP * ' '}{header}: " if header else GAP * " "
                say(_wrapped(cell, console().width, label, 2 * GAP * " "))


def _wrapped(text: str, columns: int, first: str, others: str) -> str:
    """Broken between words; one that is longer than a line goes on in the next."""
    return textwrap.fill(
        text,
        columns,
        initial_indent=first,
        subsequent_indent=others,
        break_on_hyphens=False,
        break_long_words=False,
    )
