"""Rehearsals: the same training under other circumstances, or killed on the way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL.Image import Image
from torch import Tensor

from rockfall.building import build_model
from rockfall.completing import complete
from rockfall.kit import checkpoint
from rockfall.kit.randomness import seed_everything
from rockfall.run.directory import Record, RunDirectory
from rockfall.run.run import Run
from rockfall.run.snapshots import Draw
from rockfall.sources.opening import open_source

CLOCKS = ("seconds", "metrics_size")
"""Keys of a checkpoint that depend on the clock; the size does, by the digits of `seconds`."""


class StoppedForTest(BaseException):
    """Raised between two steps, as a kill would come: nothing is saved, nothing is said."""


class StoppingRun(Run):
    """A run that ends before a step, as if it had been killed there; None: it never does."""

    def __init__(self, *args: Any, stop_at: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stop_at = stop_at

    def at_boundary(self) -> None:
        super().at_boundary()
        if self.stop_at is not None and self.step >= self.stop_at:
            raise StoppedForTest


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

    def leave_snapshots(self, draws: Sequence[Draw]) -> None:
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
    lines = [{k: v for k, v in line.items() if k != "seconds"} for line in directory.logged()]
    return {
        "figures": (directory.result() or {}).get("figures"),
        "metrics.jsonl": [{**line, "seconds": None} for line in lines],
        "checkpoint": {key: value for key, value in saved.items() if key not in CLOCKS},
        "best": checkpoint.read(best)["model"] if best.exists() else None,
    }
