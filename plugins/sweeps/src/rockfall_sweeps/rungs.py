"""A trial's metric at equal parts of its training, read off the run's own record.

Settings decide how many steps a training has, and steps of different trials can't be compared; a
twentieth of a training can. What was logged is read from `metrics.jsonl`, from its first line on,
so that a trial which goes on after a kill tells of all its rungs again, and of the same.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from rockfall.kit.regular import open_regular
from rockfall_sweeps.pruners import RUNGS

SLACK = 1e-6
"""Of a rung: fractions are rounded."""


class Rungs:
    """Follows one metric of one run."""

    def __init__(self, file: Path, metric: str) -> None:
        self._file, self._metric = file, metric
        self._at, self._rung = 0, 0
        self._total = 0.0

    def total(self, step: int, fraction: float) -> None:
        """Tell where the run is, from which follows how many steps it has in all."""
        if not self._total and fraction > 0:
            self._total = step / fraction

    def reached(self) -> Iterator[tuple[int, float]]:
        """Each rung below the last that was reached since, from 1, with the metric there."""
        if not self._total:
            return
        with contextlib.suppress(OSError), open_regular(self._file) as file:
            file.seek(self._at)
            while (line := file.readline()).endswith(b"\n"):
                self._at += len(line)
                logged = json.loads(line)
                if self._metric not in logged:
                    continue
                step = logged.get("environment_steps", logged["step"] + 1)
                rung = int(RUNGS * step / self._total + SLACK)
                if self._rung < rung < RUNGS:
                    self._rung = rung
                    yield rung, float(logged[self._metric])
