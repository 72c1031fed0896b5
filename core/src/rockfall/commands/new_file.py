"""The option for a file that a verb writes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from rockfall.errors import RockfallError, UsageError


def new_file(option: str, suffix: str, help: str) -> Callable[[Any], Any]:
    """An option for the path of a new file of one kind, checked before any work is done."""

    def check(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
        return path and check_new_file(path, suffix)

    return click.option(option, type=click.Path(path_type=Path), callback=check, help=help)


def check_new_file(path: Path, suffix: str) -> Path:
    """The path, with the suffix if it has none.

    Raises UsageError for another suffix, RockfallError for a folder that can't be written to.
    """
    path = path.expanduser()
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file in it")
    if not path.suffix:
        path = path.with_name(path.name + suffix)
    if path.suffix.lower() != suffix:
        raise UsageError(
            f"{path}: what is written is a {suffix[1:].upper()}, say {path.stem}{suffix}"
        )
    if not path.parent.is_dir():
        raise RockfallError(f"can't write {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise RockfallError(f"can't write {path}: the folder {path.parent} is read-only")
    return path
