"""Numbers that come one after the other, kept in bounded memory."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

MOST_POINTS = 20_000
"""Of a series, so that a chart of it takes no more memory than a picture."""


class Series:
    """One metric's values, and the steps and seconds at which they were logged.

    Of more than MOST_POINTS every second is kept, and then every fourth, and so on; and the last.
    """

    def __init__(self) -> None:
        self._every, self._count = 1, 0
        self._columns = {"step": array("d"), "seconds": array("d"), "value": array("d")}
        self.last: float = 0.0
        self._last_line: Mapping[str, float] = {}

    def add(self, line: Mapping[str, float], value: float) -> None:
        if self._count % self._every == 0:
            self._keep(line, value)
        self._count += 1
        self.last, self._last_line = value, line

    def _keep(self, line: Mapping[str, float], value: float) -> None:
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
