"""Plain text on standard output: what must be quick does without rich."""

from __future__ import annotations

import json
import shutil
import textwrap
from typing import Any

import click


def say(*lines: str) -> None:
    """Lines for people; the last of a command says what to do next."""
    for line in lines:
        click.echo(line)


def hang(label: str, text: str) -> None:
    """A label, and text that wraps beside it."""
    width = max(shutil.get_terminal_size((100, 24)).columns, len(label) + 20)
    indent = " " * len(label)
    click.echo(textwrap.fill(text, width, initial_indent=label, subsequent_indent=indent))


def print_json(data: Any) -> None:
    """One JSON document, for programs."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))
