"""Files that are complete or absent, and stay after a power cut: written beside, flushed to disk,
moved into place, and the folder flushed too, which holds the name.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from rockfall.errors import RockfallError, UsageError
from rockfall.kit.regular import read_whole

__all__ = ["absolute_path", "atomic", "read_json", "state_folder", "write_json", "writing"]


MOST_JSON = 16_000_000
"""Bytes of a file that is read as JSON."""
TEMPORARY = ".writing-"
"""What the names of unfinished files begin with."""
UNSUPPORTED = (errno.EINVAL, errno.ENOTSUP)
"""What a file system answers that can't flush a folder; some of a network can't."""


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that takes the place of `path` once the block ends without an error.

    Once it has, a power cut takes neither content nor name. Raises RockfallError, and leaves what
    was at `path` as it was, if it can't be written.
    """
    temporary = ""
    try:
        with writing(path):
            prefix = f"{TEMPORARY}{path.name}.{os.getpid()}-"
            handle, temporary = tempfile.mkstemp(prefix=prefix, dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
            temporary = ""
            sync_folder(path.parent)
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def sync_folder(path: Path) -> None:
    """Flush the names in a folder to disk: those of files that were made, moved or removed."""
    if os.name == "nt":  # where a folder can't be opened
        return
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
    finally:
        os.close(handle)


def make_folder(path: Path) -> None:
    """Make a folder that stays after a power cut, and those above it that are missing.

    Raises FileExistsError if it is there, OSError for whatever else refuses it.
    """
    if not path.parent.exists():
        with contextlib.suppress(FileExistsError):  # another process made it meanwhile
            make_folder(path.parent)
    path.mkdir()
    sync_folder(path.parent)


def unfinished(folder: Path) -> list[Path]:
    """The files in a folder and below it that a process was writing when it was killed."""
    return [
        Path(where, name)
        for where, _, names in os.walk(folder)
        for name in names
        if name.startswith(TEMPORARY) and not _is_running(name)
    ]


def unfinished_of(path: Path) -> list[Path]:
    """What killed processes left of writing this one file."""
    begun = path.parent.glob(glob.escape(f"{TEMPORARY}{path.name}.") + "*")
    return [file for file in begun if not _is_running(file.name)]


def _is_running(name: str) -> bool:
    """Whether the process that an unfinished file's name tells of is still there."""
    number = name.rpartition(".")[2].partition("-")[0]
    if not number.isdecimal() or int(number) == 0:
        return False
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Inside, what the disk or the permissions refuse is a RockfallError that names `path`."""
    try:
        yield
    except OSError as error:
        raise RockfallError(f"can't write {path}: {error.strerror or error}") from error


def write_json(path: Path, data: Any) -> None:
    """Write `data` as indented JSON, whole or not at all."""
    content = to_json(data)
    with atomic(path) as file:
        file.write(content)


def to_json(data: Any) -> bytes:
    """What `write_json` writes."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"


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
        more = f" (or {', '.join(others)})" if others else ""
        raise UsageError(
            f"{path}: what is written is a {first[1:].upper()}{more}, say {path.stem}{first}"
        )
    if not path.parent.is_dir():
        raise RockfallError(f"can't write {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise RockfallError(f"can't write {path}: the folder {path.parent} is read-only")
    return path


def absolute_path(name: str) -> str:
    """An existing file's absolute path, so that a run can be resumed from another folder; any other
    name as it is.
    """
    path = Path(name).expanduser()
    return str(path.resolve()) if path.is_file() else name


def state_folder() -> Path:
    """Where notes that outlast a command lie: in `ROCKFALL_STATE`, or the platform's own place."""
    if given := os.environ.get("ROCKFALL_STATE"):
        return Path(given).expanduser()
    import platformdirs

    return platformdirs.user_state_path("rockfall", appauthor=False)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
