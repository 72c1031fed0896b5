"""`metrics.jsonl`: one line a logged step; tensors are read later and in bulk, not now."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from torch import Tensor

from rockfall.errors import Diverged
from rockfall.kit.files import sync_folder, writing
from rockfall.kit.regular import open_regular
from rockfall.kit.scalars import Scalars

BLOCK = 2**16
"""Bytes that are read at once in search of a line's end."""
MOST_PENDING = 4096
"""Lines held in memory at the most; a flush copies each device's scalars in one transfer."""


class Metrics:
    """Collects metrics and appends them to a file in bulk."""

    def __init__(self, path: Path | None, logged: Callable[[list[dict[str, Any]]], None]) -> None:
        """path: None keeps the lines in memory. logged: called with the lines of every flush."""
        self._path = path
        self.lines: list[dict[str, Any]] = []
        self._logged = logged
        self._pending: list[tuple[dict[str, Any], Mapping[str, Any]]] = []
        self._scalars = Scalars()
        self.latest: dict[str, float] = {}
        self._unsynced = True  # a process that was killed may have left some

    def log(self, where: dict[str, Any], values: Mapping[str, Any]) -> None:
        """Keep one line: `where` (step, epoch, seconds) and the metrics.

        Raises Diverged at once for a number on the CPU that is not finite; one on another device
        is found at the next flush.
        """
        kept: dict[str, Any] = {name: _number(value) for name, value in values.items()}
        for name, value in kept.items():
            if isinstance(value, float):
                _check(name, value, where)
        there = {name: value for name, value in kept.items() if isinstance(value, Tensor)}
        self._pending.append((where, {**kept, **self._scalars.add(there)}))
        if len(self._pending) >= MOST_PENDING:
            self.flush()

    def flush(self) -> int:
        """Read pending tensors, write the lines, return the file's size in bytes.

        Raises Diverged before anything is written if a metric is not finite, and RockfallError if
        the disk refuses.
        """
        if self._pending:
            lines = self._lines()
            self._clear()
            self._append(lines)
            for line in lines:
                self.latest.update(line)
            self._logged(lines)
        return self._path.stat().st_size if self._path and self._path.exists() else 0

    def _lines(self) -> list[dict[str, Any]]:
        return [{**where, **values} for where, values in self._read()]

    def _read(self) -> Iterator[tuple[dict[str, Any], dict[str, float]]]:
        numbers = self._scalars.read()
        for where, kept in self._pending:
            values = {name: numbers.get(value, value) for name, value in kept.items()}
            for name, value in values.items():
                _check(name, value, where)
            yield where, values

    def _clear(self) -> None:
        self._pending.clear()
        self._scalars.clear()

    def sync(self) -> None:
        """Flush the written lines to disk, and the file's name: a power cut takes none of them."""
        if self._unsynced and self._path is not None and self._path.exists():
            with writing(self._path):
                with open_regular(self._path, "r+b") as file:
                    os.fsync(file.fileno())
                sync_folder(self._path.parent)
            self._unsynced = False

    def _append(self, lines: list[dict[str, Any]]) -> None:
        if self._path is None:
            self.lines += lines
            return
        text = "".join(json.dumps(line) + "\n" for line in lines)
        with writing(self._path), open_regular(self._path, "ab") as file:
            file.write(text.encode())
        self._unsynced = True

    def cut(self, size: int) -> bool:
        """Forget what was logged after a checkpoint that knew `size` bytes.

        False if lines are missing that were logged before it; one cut short goes too, so that the
        next does not continue it.
        """
        self._clear()
        if self._path is None or not os.path.lexists(self._path):
            return size == 0
        with writing(self._path), open_regular(self._path, "r+b") as file:
            there = file.seek(0, os.SEEK_END)
            end = _end_of_line(file, min(size, there))
            if there > end:
                file.truncate(end)
        return there >= size


def _end_of_line(file: IO[bytes], before: int) -> int:
    """Where the last line that is whole before a place ends."""
    while before > 0:
        start = max(0, before - BLOCK)
        file.seek(start)
        if end := file.read(before - start).rfind(b"\n") + 1:
            return start + end
        before = start
    return 0


def _number(value: Any) -> float | Tensor:
    """A number that is here, or a tensor of one that is on a device."""
    if isinstance(value, Tensor):
        if value.numel() != 1:
            raise TypeError(f"a metric is one number, not a tensor of shape {tuple(value.shape)}")
        return value.item() if value.device.type == "cpu" else value
    return value if isinstance(value, int) else float(value)


def _check(name: str, value: float, where: Mapping[str, Any]) -> None:
    if not math.isfinite(value):
        raise Diverged(
            f"{name} became {value} at step {where['step']}; a smaller learning rate often helps, "
            "or smaller numbers to learn from"
        )
