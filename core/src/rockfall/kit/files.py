"""Files that are complete or absent: written beside, flushed to disk, moved into place."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from rockfall.errors import RockfallError, UsageError
from rockfall.kit.regular import read_whole

__all__ = ["atomic", "read_json", "write_json", "writing"]

MOST_JSON = 16_000_000
"""Bytes of a file that is read as JSON."""
TEMPORARY = ".writing-"
"""What the names of unfinished files begin with."""


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that takes the place of `path` once the block ends without an error.

    Raises RockfallError, and leaves what was at `path` as it was, if it can't be written.
    """
    temporary = ""
    try:
        with writing(path):
            handle, temporary = tempfile.mkstemp(prefix=f"{TEMPORARY}{path.name}.", dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Inside, what the disk or the permissions refuse is a RockfallError that names `path`."""
    try:
        yield
    except OSError as error:
        raise RockfallError(f"can't write {path}: {error.strerror or error}") from error


def write_json(path: Path, data: Any) -> None:
    """Write `data` as indented JSON, whole or not at all."""
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    with atomic(path) as file:
        file.write(text.encode() + b"\n")


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises RockfallError if it is missing, too large or not JSON."""
    try:
        return json.loads(read_whole(path, MOST_JSON, links=True))
    except (ValueError, RecursionError) as error:
        raise RockfallError(f"{path} is damaged: {error}") from None


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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
