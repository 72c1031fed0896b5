"""The option for a file that a verb writes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from rockfall.errors import RockfallError, UsageError


def new_file(option: str, suffixes: str | Sequence[str], help: str) -> Callable[[Any], Any]:
    """An option for the path of a new file of some kinds, checked before any work is done."""

    def check(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
        return path and check_new_file(path, suffixes)

    return click.option(option, type=click.Path(path_type=Path), callback=check, help=help)


def check_new_file(path: Path, suffixes: str | Sequence[str]) -> Path:
    """The path, with the first of the suffixes if it has none.

    Raises UsageError for another suffix, RockfallError for a folder that can't be written to.
    """
    first, *others = [suffixes] if isinstance(suffixes, str) else suffixes
    path = path.expanduser()
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file in it")
    if not path.suffix:
        path = path.with_name(path.name + first)
    if path.suffix.lower() not in (first, *others):
        raise UsageError(
            f"{path}: what is written is a {first[1:].upper()}, say {path.stem}{first}"
        )
    if not path.parent.is_dir():
        raise RockfallError(f"can't write {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise RockfallError(f"can't write {path}: the folder {path.parent} is read-only")
    return path


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
