"""One training, timed: CPU seconds of the fitting alone, by a listener of its run."""

from __future__ import annotations

import tempfile
import time
from typing import Any, NamedTuple

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


class Trained(NamedTuple):
    """A run whose folder is gone, what was in its `result.json`, and its CPU seconds."""

    run: rockfall.Run
    result: dict[str, Any]
    seconds: float


def trained(model: str, source: str, **options: Any) -> Trained:
    """`rockfall.train` on one thread of the CPU, in a folder that is removed."""
    clock = CpuClock()
    with tempfile.TemporaryDirectory() as folder:
        run = rockfall.train(
            model, source, device="cpu", threads=1, out=folder, listeners=[clock], **options
        )
        result = run.result
    assert result is not None
    return Trained(run, result, clock.seconds)
