"""The option for a file that a verb writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from rockfall.errors import UsageError
from rockfall.kit.answers import PIPE, piped
from rockfall.kit.files import check_new_file


def new_file(
    option: str, suffixes: str | Sequence[str] | None, help: str, *, pipe: bool = False
) -> Callable[[Any], Any]:
    """An option for the path of a new file of some kinds, checked before any work is done.

    suffixes: None leaves the check to the command, whose kinds depend on what else it is given.
    pipe: whether `-` is standard output, which the command takes as an open file.
    """

    def check(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
        if path is None or suffixes is None or (pipe and path == PIPE):
            return path
        return check_new_file(path, suffixes)

    given = click.option(option, type=click.Path(path_type=Path), callback=check, help=help)
    name = option.removeprefix("--")
    return (lambda function: given(piped(function, name))) if pipe else given


def gif_option(help: str) -> Callable[[Any], Any]:
    """`--gif [FILE]`, whose value may be left out: see `gif_path`."""
    return click.option("--gif", is_flag=False, flag_value="", metavar="[FILE]", help=help)


def gif_path(given: str | None, stem: str) -> Path | None:
    """What `gif_option` was given as the path of a new GIF: STEM.gif if it was not named, and None
    without the option.

    Raises UsageError for a word that was meant for the command.
    """
    if given is None:
        return None
    if "=" in given:
        raise UsageError(f"--gif {given}: let --gif come last, or name the film, as {stem}.gif")
    return check_new_file(Path(given or f"{stem}.gif"), ".gif")
