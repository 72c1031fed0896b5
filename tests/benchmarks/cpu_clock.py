"""CPU seconds of a fitting alone, as a listener of its run."""

from __future__ import annotations

import time

import rockfall


class CpuClock:
    """Runs from the start of a fitting to its evaluation."""

    def __init__(self) -> None:
        self._read: dict[str, float] = {}

    def __call__(self, event: rockfall.Event) -> None:
        self._read.setdefault(event.kind, time.process_time())

    @property
    def seconds(self) -> float:
        return self._read["evaluating"] - self._read["started"]
