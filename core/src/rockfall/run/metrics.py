"""`metrics.jsonl`: one line a logged step; tensors are read later and in bulk, not now."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rockfall.errors import Diverged
from rockfall.kit.files import writing

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
        self.latest: dict[str, float] = {}

    def log(self, where: dict[str, Any], values: Mapping[str, Any]) -> None:
        """Keep one line: `where` (step, epoch, seconds) and the metrics.

        Raises Diverged at once for a number on the CPU that is not finite; one on another device
        is found at the next flush.
        """
        kept = {name: _keep(value) for name, value in values.items()}
        for name, value in kept.items():
            if isinstance(value, float):
                _check(name, value, where)
        self._pending.append((where, kept))
        if len(self._pending) >= MOST_PENDING:
            self.flush()

    def flush(self) -> int:
        """Read pending tensors, write the lines, return the file's size in bytes.

        Raises Diverged before anything is written if a metric is not finite, and RockfallError if
        the disk refuses.
        """
        if self._pending:
            lines = [{**where, **values} for where, values in _read(self._pending)]
            self._pending.clear()
            self._append(lines)
            for line in lines:
                self.latest.update(line)
            self._logged(lines)
        return self._path.stat().st_size if self._path and self._path.exists() else 0

    def _append(self, lines: list[dict[str, Any]]) -> None:
        if self._path is None:
            self.lines += lines
            return
        text = "".join(json.dumps(line) + "\n" for line in lines)
        with writing(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(text)

    def cut(self, size: int) -> bool:
        """Forget what was logged after a checkpoint that knew `size` bytes.

        False if lines are missing that were logged before it; one cut short goes too, so that the
        next does not continue it.
        """
        self._pending.clear()
        if self._path is None or not self._path.exists():
            return size == 0
        with self._path.open("r+b") as file:
            kept = file.read(size)
            end = kept.rfind(b"\n") + 1
            if file.seek(0, os.SEEK_END) > end:
                file.truncate(end)
        return len(kept) == size


def read(path: Path) -> list[dict[str, Any]]:
    """Every whole line of a metrics file; a last one that was cut short is left out."""
    if not path.exists():
        return []
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    return lines


def _keep(value: Any) -> float | Tensor:
    if isinstance(value, Tensor):
        if value.numel() != 1:
            raise TypeError(f"a metric is one number, not a tensor of shape {tuple(value.shape)}")
        # A clone, since the method may go on to change the tensor in place.
        return value.item() if value.device.type == "cpu" else value.detach().clone().reshape(())
    return value if isinstance(value, int) else float(value)


def _check(name: str, value: float, where: Mapping[str, Any]) -> None:
    if not math.isfinite(value):
        raise Diverged(
            f"{name} became {value} at step {where['step']}; a smaller learning rate often helps"
        )


def _read(
    pending: list[tuple[dict[str, Any], Mapping[str, Any]]],
) -> list[tuple[dict[str, Any], dict[str, float]]]:
    tensors = [v for _, values in pending for v in values.values() if isinstance(v, Tensor)]
    numbers = iter(torch.stack([t.float() for t in tensors]).tolist() if tensors else [])
    lines = []
    for where, values in pending:
        read = {k: next(numbers) if isinstance(v, Tensor) else v for k, v in values.items()}
        for name, value in read.items():
            _check(name, value, where)
        lines.append((where, read))
    return lines
