"""Rehearsals: the same training under other circumstances, or killed on the way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL.Image import Image
from torch import Tensor

from rockfall.run import checkpoint
from rockfall.run.directory import Record, RunDirectory
from rockfall.run.metrics import read
from rockfall.run.randomness import seed_everything
from rockfall.run.run import Run, StoppedForTest
from rockfall.sources.opening import open_source
from rockfall.training import build_model, complete

CLOCKS = ("seconds", "metrics_size")
"""Keys of a checkpoint that depend on the clock; the size does, by the digits of `seconds`."""


class Rehearsal(Run):
    """Counts the moments at which a run may save, saves at some and may die at one.

    It draws no pictures: a run that looks and one that doesn't must be the same.
    """

    def plan(self, moment: int, saves: Callable[[int], bool], dies_at: int | None) -> None:
        """Begin after `moment`; save where `saves` says, and die at `dies_at`, as if killed."""
        self.moment, self._saves, self._dies_at = moment, saves, dies_at

    def save(self, name: str) -> None:
        if name != "last":
            super().save(name)
            return
        self.moment += 1
        last = self.finished and self._dies_at is None
        if last or self._saves(self.moment):
            super().save(name)
        if self.moment == self._dies_at:
            self._metrics.flush()  # lines that were written after the last checkpoint
            raise StoppedForTest

    def picture(self, name: str, draw: Callable[[], Tensor | Image]) -> None:
        pass


def rehearse(
    directory: RunDirectory,
    *,
    after: int = 0,
    saves: Callable[[int], bool],
    dies_at: int | None = None,
) -> Rehearsal:
    """Train, or go on training, in `directory`; one that was to die returns as it was then.

    The generators are first put elsewhere, as in a process that did something before.
    """
    record = directory.record()
    seed_everything(record.seed + 1000 + after)
    source = open_source(record.source, record.source_options)
    run = Rehearsal(directory, record, build_model(record), checkpoint_every=0.0)
    run.plan(after, saves, dies_at)
    with contextlib.suppress(StoppedForTest):
        complete(run, source)
    return run


def copy_of(record: Record, folder: Path) -> RunDirectory:
    """A new run directory in `folder` that asks for the same."""
    return RunDirectory.create(folder, "", "rehearsal", record)


def outcome(directory: RunDirectory) -> dict[str, Any]:
    """All that two runs of the same record must have in common, to the bit."""
    saved = checkpoint.read(directory.checkpoint("last"))
    best = directory.checkpoint("best")
    lines = [
        {k: v for k, v in line.items() if k != "seconds"} for line in read(directory.metrics_file)
    ]
    return {
        "figures": (directory.result() or {}).get("figures"),
        "metrics.jsonl": [{**line, "seconds": None} for line in lines],
        "checkpoint": {key: value for key, value in saved.items() if key not in CLOCKS},
        "best": checkpoint.read(best)["model"] if best.exists() else None,
    }
