"""One training, timed: seconds of the fitting alone, by a listener of its run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import rockfall


class Clock:
    """Runs from the start of a fitting to its evaluation, before which its last checkpoint waits
    for all that the device has to do.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._read: dict[str, float] = {}

    def __call__(self, event: rockfall.Event) -> None:
        self._read.setdefault(event.kind, self._now())

    @property
    def seconds(self) -> float:
        return self._read["evaluating"] - self._read["started"]


class Trained(NamedTuple):
    """A run whose folder is gone, what was in its `result.json`, and its seconds."""

    run: rockfall.Run
    result: dict[str, Any]
    seconds: float


def trained(
    model: str,
    source: str,
    *,
    device: str = "cpu",
    threads: int | None = 1,
    now: Callable[[], float] = time.process_time,
    **options: Any,
) -> Trained:
    """`rockfall.train` in a folder that is removed; on one thread of the CPU, in CPU seconds,
    unless asked otherwise.
    """
    clock = Clock(now)
    with tempfile.TemporaryDirectory() as folder:
        run = rockfall.train(
            model, source, device=device, threads=threads, out=folder, listeners=[clock], **options
        )
        result = run.result
    assert result is not None
    return Trained(run, result, clock.seconds)
