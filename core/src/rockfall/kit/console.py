"""Text on standard output: lines, labels, JSON and tables. Rich is imported only for tables."""

from __future__ import annotations

import functools
import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

__all__ = ["console", "hang", "print_json", "print_table", "say", "wrote"]


def say(*lines: str) -> None:
    """Lines for people; the last of a command says what to do next."""
    for line in lines:
        click.echo(line)


def wrote(path: Path, note: str = "") -> str:
    """`wrote PATH (NOTE)`; without a note, the file's size."""
    return f"wrote {path} ({note or f'{path.stat().st_size / 1000:,.0f} kB'})"


def hang(label: str, text: str) -> None:
    """A label, and text that wraps beside it."""
    width = max(shutil.get_terminal_size((100, 24)).columns, len(label) + 20)
    indent = " " * len(label)
    click.echo(textwrap.fill(text, width, initial_indent=label, subsequent_indent=indent))


def print_json(data: Any) -> None:
    """One JSON document, for programs."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


@functools.cache
def console() -> Console:
    """Rich's console on standard output; in a pipe 100 columns wide (or `COLUMNS`)."""
    from rich.console import Console

    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=shutil.get_terminal_size((100, 24)).columns)


def print_table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A plain table, readable at any width; long cells wrap rather than being cut."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=any(headers))
    for number, header in enumerate(headers):
        table.add_column(header, overflow="fold", style="bold" if number == 0 else "")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, str) else str(cell) for cell in row))
    with console().capture() as printed:
        console().print(table)
    for line in printed.get().splitlines():
        sys.stdout.write(f"{line.rstrip()}\n")
