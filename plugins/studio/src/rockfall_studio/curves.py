"""Curves of what runs log, read on while they grow, and as few points as a screen can show."""

from __future__ import annotations

import json
import math
import os
import threading
from array import array
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rockfall import RockfallError
from rockfall.kit.regular import open_regular
from rockfall.kit.series import AXES, Series

READ = 2**20
"""Bytes that are read at once."""
MOST_METRICS = 200
"""Of one run; what more there are is left out."""
CHECKED = 256
"""Bytes before the place that was reached, by which a file that was cut and written on is told from
one that has grown.
"""
MOST_LOGS = 60
"""Runs whose curves are kept; the one that nobody looked at for the longest goes."""
Curve = NDArray[np.float32]
"""(2, n): across and up."""


class Log:
    """One run's metrics, as far as its file has been read. Not for two threads at once.

    renamed: former → present name of a metric.
    """

    def __init__(self, path: Path, renamed: Mapping[str, str]) -> None:
        self.path, self.renamed = path, renamed
        self.lock = threading.Lock()
        self.version = 0
        """Another number whenever something was read."""
        self._begin()

    def _begin(self) -> None:
        self.error = ""
        """Where the file holds what no run writes; it is not read any further."""
        self.metrics: dict[str, Series] = {}
        self._at, self._rest, self._before, self._number = 0, b"", b"", 0

    def read(self) -> None:
        """Read on, unless there is an `error`. Raises RockfallError if the file can't be read."""
        if not os.path.lexists(self.path):
            return
        try:
            with open_regular(self.path) as file:
                size = os.fstat(file.fileno()).st_size
                if self._at:
                    file.seek(max(0, self._at - len(self._before)))
                    if size < self._at or file.read(len(self._before)) != self._before:
                        self._begin()  # a run that was resumed forgets what came after
                        self.version += 1
                file.seek(self._at)
                while not self.error and (block := file.read(min(READ, size - self._at))):
                    self._take(block)
        except OSError as error:
            raise RockfallError(f"can't read {self.path}: {error.strerror or error}") from None

    def _take(self, block: bytes) -> None:
        self._at += len(block)
        self._before = (self._before + block)[-CHECKED:]
        *lines, self._rest = (self._rest + block).split(b"\n")
        for line in lines:
            self._number += 1
            if not self._add(line):
                self.error = f"{self.path} is damaged: line {self._number}"
                break
        if len(self._rest) > READ:
            self.error = f"{self.path} is damaged: line {self._number + 1} has no end"
        self.version += bool(lines or self.error)

    def _add(self, line: bytes) -> bool:
        """False for one that no run writes."""
        try:
            read = json.loads(line)
            where = {name: read[name] for name in AXES if read.get(name) is not None}
            values = {
                self.renamed.get(name, name): float(value)
                for name, value in read.items()
                if name not in AXES
            }
            if not all(map(_is_finite, (where["step"], *where.values(), *values.values()))):
                return False
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            return False
        for name, value in values.items():
            if name not in self.metrics:
                if len(self.metrics) >= MOST_METRICS:
                    continue
                self.metrics[name] = Series()
            self.metrics[name].add(where, value)
        return True


class Logs:
    """The logs of several runs, by the paths of their files."""

    def __init__(self) -> None:
        self._logs: OrderedDict[Path, Log] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, path: Path, renamed: Mapping[str, str]) -> Log:
        with self._lock:
            log = self._logs.setdefault(path, Log(path, renamed))
            self._logs.move_to_end(path)
            while len(self._logs) > MOST_LOGS:
                self._logs.popitem(last=False)
            return log


def smoothed(values: Sequence[float], factor: float) -> list[float]:
    """Their exponential moving average, without the bias towards 0 at its beginning (Kingma and Ba
    2015, section 3). factor: of what came before, from 0 to below 1.
    """
    average, weight, found = 0.0, 0.0, array("d")
    for value in values:
        average = factor * average + (1 - factor) * value
        weight = factor * weight + (1 - factor)
        found.append(average / weight)
    return found.tolist()


def thinned(across: Sequence[float], up: Sequence[float], most: int, *, log: bool = False) -> Curve:
    """A curve of at most `most` points that looks alike: of each of as many stretches of its width
    the lowest and the highest point, and the first and the last of all.

    log: whether it is drawn over a logarithmic axis, on which what is not above 0 has no place.
    """
    x, y = np.asarray(across, np.float64), np.asarray(up, np.float64)
    if log:
        x, y = x[x > 0], y[x > 0]
    if len(x) <= most:
        return np.stack([x, y]).astype(np.float32)
    place = np.log(x) if log else x
    low, high = place.min(), place.max()
    count = max(1, (most - 2) // 2)
    share = (place - low) / (high - low) if high > low else np.zeros_like(place)
    stretch = np.minimum((share * count).astype(np.int64), count - 1)
    by_height = np.lexsort((y, stretch))
    begins = np.flatnonzero(np.diff(stretch[by_height], prepend=-1))
    ends = np.append(begins[1:], len(x)) - 1
    chosen = np.unique(np.concatenate([by_height[begins], by_height[ends], [0, len(x) - 1]]))
    return np.stack([x[chosen], y[chosen]]).astype(np.float32)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
