"""Numbers that come one after the other, kept in bounded memory."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

__all__ = ["AXES", "Series"]

AXES = ("step", "seconds", "environment_steps", "epoch")
"""Over what a series may be drawn."""
MOST_POINTS = 20_000
"""Of a series, so that a chart of it takes no more memory than a picture."""


class Series:
    """One metric's values, and the steps and seconds at which they were logged, and the epochs and
    the steps of the environment where all lines say them.

    Of more than MOST_POINTS every second is kept, and then every fourth, and so on; and the last.
    """

    def __init__(self) -> None:
        self._every, self._count = 1, 0
        self._columns = {name: array("d") for name in (*AXES, "value")}
        self.axes = set(AXES)
        self.last: float = 0.0
        self._last_line: Mapping[str, float] = {}

    def add(self, line: Mapping[str, float], value: float) -> None:
        if self._count % self._every == 0:
            self._keep(line, value)
        self._count += 1
        self.axes.intersection_update(line)
        self.last, self._last_line = value, line

    def _keep(self, line: Mapping[str, float], value: float) -> None:
        for name in AXES:
            self._columns[name].append(line.get(name, 0.0))
        self._columns["value"].append(value)
        if len(self._columns["value"]) >= MOST_POINTS:
            for name in self._columns:
                self._columns[name] = self._columns[name][::2]
            self._every *= 2

    def values(self) -> list[float]:
        return self._column("value", self.last)

    def points(self, across: str) -> list[tuple[float, float]]:
        """Its curve over one of its `axes`."""
        return list(zip(self._column(across, self._last_line[across]), self.values(), strict=True))

    def _column(self, name: str, last: float) -> list[float]:
        kept = self._columns[name].tolist()
        return kept if (self._count - 1) % self._every == 0 else [*kept, last]
