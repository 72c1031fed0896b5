"""Optuna's storage of a sweep: a journal file beside the runs, or a database by its URL.

One process alone writes the journal, whoever holds the sweep's lock, so it needs no lock of its
own, and what a killed process left of its last line is cut off before anybody reads it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from rockfall import RockfallError, UsageError
from rockfall.kit.files import writing
from rockfall.kit.regular import open_regular


class HeldAlready(JournalFileOpenLock):
    """The sweep's own lock, which keeps every other writer away."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


class Journal(JournalFileBackend):
    """A journal whose disk is full says so in a line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with writing(path):
            super().__init__(str(path), HeldAlready(str(path)))

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        with writing(self.path):
            super().append_logs(logs)


def open_storage(path: Path, url: str = "") -> BaseStorage:
    """The storage of a sweep. Raises RockfallError for a journal that is damaged, UsageError for a
    URL that is none of a database.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if not url:
        _mend(path)
        return JournalStorage(Journal(path))
    if url.startswith(("redis:", "rediss:")):
        raise UsageError(
            "--storage: Optuna keeps pickles in Redis, which are not loaded here: give the URL of "
            "a database, such as postgresql://…"
        )
    try:
        return optuna.storages.RDBStorage(url)
    except Exception as error:  # SQLAlchemy, drivers and networks raise nearly anything
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"--storage {url.partition('@')[2] or url}: {reason}") from None


def read_storage(path: Path, url: str = "") -> BaseStorage:
    """The same to look at, while another process may be writing."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if url:
        return open_storage(path, url)
    if not path.exists():
        raise RockfallError(f"{path} is missing: the sweep has not begun")
    _whole_length(path)
    return JournalStorage(Journal(path))


def _mend(path: Path) -> None:
    """Cut off a last line that a killed process did not finish."""
    if path.exists():
        whole = _whole_length(path)
        with writing(path), open_regular(path, "r+b") as file:
            file.truncate(whole)


def _whole_length(path: Path) -> int:
    """Bytes of its whole lines. Raises RockfallError for one that is damaged, and says which."""
    length = lines = 0
    try:
        with open_regular(path) as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                entry = json.loads(line)
                if not isinstance(entry, dict) or "op_code" not in entry:
                    raise ValueError("no entry of Optuna's")
                length, lines = length + len(line), lines + 1
    except ValueError as error:
        raise RockfallError(f"{path} is damaged: line {lines + 1}: {error}") from None
    except OSError as error:
        raise RockfallError(f"can't read {path}: {error.strerror or error}") from None
    return length
