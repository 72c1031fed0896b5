"""What a run logged, read line by line, however long its `metrics.jsonl` is."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rockfall.errors import RockfallError
from rockfall.kit.regular import open_regular
from rockfall.run.schema import read_line

LONGEST = 2**20
"""Bytes of a line, which has some hundred."""
NOT_METRICS = ("step", "seconds", "epoch")
"""What a line says of itself beside its metrics."""
MOST_METRICS = 1_000
"""Names that are kept apart."""
MOST_POINTS = 20_000
"""Of a metric, so that a page of it takes no more memory than a picture."""


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Every whole line of a metrics file; a last one that was cut short is left out.

    Raises RockfallError, which names the line, where it holds what no run writes.
    """
    if not os.path.lexists(path):
        return
    try:
        with open_regular(path) as file:
            number = 0
            while (line := file.readline(LONGEST)).endswith(b"\n"):
                number += 1
                yield read_line(line, path, number)
            if len(line) == LONGEST:
                raise RockfallError(f"{path} is damaged: line {number + 1}: it has no end")
    except OSError as error:
        raise RockfallError(f"can't read {path}: {error.strerror or error}") from None


class Series:
    """One metric's values, and the steps and seconds at which they were logged.

    Of more than MOST_POINTS every second is kept, and then every fourth, and so on; and the last.
    """

    def __init__(self) -> None:
        self._every, self._count = 1, 0
        self._columns = {"step": array("d"), "seconds": array("d"), "value": array("d")}
        self.last: float = 0.0
        self._last_line: dict[str, float] = {}

    def add(self, line: dict[str, Any], value: float) -> None:
        if self._count % self._every == 0:
            self._keep(line, value)
        self._count += 1
        self.last, self._last_line = value, line

    def _keep(self, line: dict[str, Any], value: float) -> None:
        step, seconds, values = self._columns.values()
        step.append(line["step"])
        seconds.append(line["seconds"])
        values.append(value)
        if len(values) >= MOST_POINTS:
            for name in self._columns:
                self._columns[name] = self._columns[name][::2]
            self._every *= 2

    def values(self) -> list[float]:
        return self._column("value", self.last)

    def points(self, across: str) -> list[tuple[float, float]]:
        """Its curve over `step` or `seconds`."""
        return list(zip(self._column(across, self._last_line[across]), self.values(), strict=True))

    def _column(self, name: str, last: float) -> list[float]:
        kept = self._columns[name].tolist()
        return kept if (self._count - 1) % self._every == 0 else [*kept, last]


def series(lines: Iterable[dict[str, Any]]) -> dict[str, Series]:
    """Every metric of some lines, in the order in which they appear. Raises RockfallError for more
    names than any run has.
    """
    found: dict[str, Series] = {}
    for line in lines:
        for name, value in line.items():
            if name not in NOT_METRICS:
                if name not in found:
                    if len(found) >= MOST_METRICS:
                        raise RockfallError(f"a run logs {MOST_METRICS:,} metrics at the most")
                    found[name] = Series()
                found[name].add(line, value)
    return found
