"""The option for a file that a verb writes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from rockfall.errors import RockfallError, UsageError


class NewFile(click.ParamType):
    """A path with a given suffix, in a folder that can be written to: found out before the work."""

    name = "file"

    def __init__(self, suffix: str) -> None:
        self.suffix = suffix

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Raises UsageError for another suffix, RockfallError for a folder that is not usable."""
        path = Path(value).expanduser()
        if not path.suffix:
            path = path.with_name(path.name + self.suffix)
        if path.suffix.lower() != self.suffix:
            raise UsageError(f"{path}: this is written as {self.suffix}: {path.stem}{self.suffix}")
        if path.is_dir():
            raise UsageError(f"{path} is a folder: name a file")
        if not path.parent.is_dir():
            raise UsageError(f"can't write {path}: there is no folder {path.parent}")
        if not os.access(path.parent, os.W_OK):
            raise RockfallError(f"can't write {path}: the folder {path.parent} is read-only")
        return path
