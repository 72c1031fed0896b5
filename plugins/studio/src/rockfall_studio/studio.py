"""What every view works with: the runs of one folder, opened models, and trainings."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rockfall import UnknownName
from rockfall.plugin import did_you_mean
from rockfall.verbs import RunDirectory, all_runs, require_capability
from rockfall_studio.board import Board
from rockfall_studio.curves import Logs
from rockfall_studio.trainings import Trainings

if TYPE_CHECKING:
    from rockfall import Run, Source

MOST_OPEN = 6
"""Models that are kept in memory; the one that was not asked for the longest goes."""


@dataclass
class Opened:
    """A run with its model, and its source once somebody needs it."""

    run: Run
    lock: threading.RLock = field(default_factory=threading.RLock)
    _source: Source | None = None

    @property
    def source(self) -> Source:
        """Its source, on the model's device. Raises RockfallError if it can't be opened."""
        with self.lock:
            if self._source is None:
                self._source = self.run.record.open_source().to(self.run.device)
            return self._source


class Studio:
    """out: the folder of runs; none: where runs go. sources: what the page may train on beside what
    is registered, such as the path of a folder.
    """

    def __init__(self, out: Path | None = None, sources: Sequence[str] = ()) -> None:
        self.out = out
        self.sources = tuple(sources)
        self.trainings = Trainings(out)
        self.board = Board()
        self.logs = Logs()
        self._opened: OrderedDict[tuple[str, int], Opened] = OrderedDict()
        self._lock = threading.Lock()

    def runs(self) -> list[RunDirectory]:
        """Oldest first."""
        return all_runs(self.out)

    def run(self, name: str) -> RunDirectory:
        """The run of exactly that name, so that nothing that a page says is a path. Raises
        UnknownName.
        """
        runs = {run.name: run for run in self.runs()}
        if name not in runs:
            raise UnknownName(f"there is no run {name[:80]}{did_you_mean(name[:80], runs)}")
        return runs[name]

    @contextlib.contextmanager
    def opened(self, name: str, capability: str = "") -> Iterator[Opened]:
        """A run with its model in evaluation mode, held for this thread while it is used.

        capability: one that its model must have. Raises UnknownName, UsageError without it, and
        RockfallError for a run that can't be opened.
        """
        directory = self.run(name)
        if capability:
            require_capability(directory.record().model, capability)
        opened = self._open(directory)
        with opened.lock:
            yield opened

    def _open(self, directory: RunDirectory) -> Opened:
        """From memory, unless its checkpoint was written anew since."""
        from rockfall import open_run

        with self._lock:
            checkpoint = directory.checkpoint("last")
            written = checkpoint.stat().st_mtime_ns if checkpoint.is_file() else 0
            key = (str(directory.path), written)
            if key not in self._opened:
                run = open_run(directory.path)
                if hasattr(run.model, "eval"):
                    run.model.eval()
                for old in [known for known in self._opened if known[0] == key[0]]:
                    del self._opened[old]
                self._opened[key] = Opened(run)
            self._opened.move_to_end(key)
            while len(self._opened) > MOST_OPEN:
                self._opened.popitem(last=False)
            return self._opened[key]

    def close(self) -> None:
        """Stop what it has begun."""
        self.trainings.close()
