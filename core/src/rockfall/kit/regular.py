"""Regular files alone: a pipe would block, a device has no end, and a link may lead anywhere.

For folders that somebody else may have filled, such as a run's.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO, Literal

from rockfall.errors import RockfallError

__all__ = ["is_regular", "open_regular", "own_folder", "read_whole"]

Mode = Literal["rb", "ab", "r+b"]
FLAGS: dict[Mode, int] = {
    "rb": os.O_RDONLY,
    "ab": os.O_WRONLY | os.O_APPEND | os.O_CREAT,
    "r+b": os.O_RDWR,
}
NEVER = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Never wait for who writes a pipe; not for other processes; bytes as they are."""


class Irregular(OSError):
    """Something else than a regular file is where one should be; `strerror` says what."""


def open_regular(path: Path, mode: Mode = "rb", *, links: bool = False) -> IO[bytes]:
    """Open a regular file. links: whether a link to one will do.

    Raises Irregular for anything else, and for a file to write that has another name elsewhere;
    OSError if it can't be opened.
    """
    if not links and os.path.islink(path):
        raise Irregular(0, "it is a link, and links are not followed here", str(path))
    no_links = 0 if links else getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, FLAGS[mode] | NEVER | no_links, 0o666)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Irregular(0, "it is no regular file", str(path))
        if mode != "rb" and found.st_nlink > 1:
            raise Irregular(0, "it is a file of another folder as well (a hard link)", str(path))
        return os.fdopen(descriptor, mode)
    except BaseException:
        os.close(descriptor)
        raise


def read_whole(path: Path, most: int, *, links: bool = False) -> bytes:
    """A regular file's content. Raises RockfallError if it is none, or has over `most` bytes."""
    try:
        with open_regular(path, links=links) as file:
            content = file.read(most + 1)
    except OSError as error:
        raise RockfallError(f"can't read {path}: {error.strerror or error}") from None
    if len(content) > most:
        raise RockfallError(f"{path} is damaged: it has over {most / 1e6:,.0f} MB")
    return content


def is_regular(path: Path) -> bool:
    """Whether a regular file is there, and not by a link."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def locked(path: Path) -> bool:
    """Whether another process holds the lock of this file; nothing is written to find out.

    For a moment it is held here, shared, which who takes a lock has to allow for.
    """
    try:
        import fcntl

        with open_regular(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, ImportError):  # no lock, or one that nobody can hold
        return False
    return False


def own_folder(path: Path, *, make: bool = False) -> Path:
    """A folder, which is made if it is not there and `make` says so. Raises RockfallError if it is
    a link, or a file.
    """
    if os.path.islink(path) or (os.path.lexists(path) and not os.path.isdir(path)):
        raise RockfallError(f"{path} should be a folder, and is a link or a file")
    if make:
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise RockfallError(f"can't write {path}: {error.strerror or error}") from None
    return path
