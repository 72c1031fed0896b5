"""The runs as lists show them, read anew only where something changed."""

from __future__ import annotations

import os
import shlex
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Protocol

from rockfall import RockfallError
from rockfall.plugin import registry
from rockfall.verbs import RunDirectory
from rockfall_studio.trainings import Trainings

FRESH = 0.4
"""Seconds for which several tabs share one look at the folder."""


class Folder(Protocol):
    """What a studio has that a board needs."""

    trainings: Trainings

    def runs(self) -> list[RunDirectory]: ...


class Board:
    """What is known of each run, oldest first."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._looked = -FRESH
        self._runs: list[dict[str, Any]] = []

    def runs(self, studio: Folder, *, fresh: bool = False) -> list[dict[str, Any]]:
        """What a list of runs says of each; of a damaged run, its fault. fresh: looked at now."""
        with self._lock:
            if fresh or time.monotonic() - self._looked > FRESH:
                self._runs = [self._run(studio, each) for each in studio.runs()]
                self._looked = time.monotonic()
                there = {run["name"] for run in self._runs}
                self._known = {p: kept for p, kept in self._known.items() if p.name in there}
                self._runs += _failed(studio, there)
            return self._runs

    def _run(self, studio: Folder, directory: RunDirectory) -> dict[str, Any]:
        files = (directory.record_file, directory.result_file, directory.checkpoint("last"))
        written = tuple(map(_written, files))
        known, about = self._known.get(directory.path, ((), {}))
        if known != written:
            about = _recorded(directory)
            self._known[directory.path] = written, about
        return {**about, **_now(studio, directory, about)}


def _recorded(directory: RunDirectory) -> dict[str, Any]:
    """What its files say, which is read again when they were written."""
    try:
        record, result = directory.record(), directory.result()
    except RockfallError as error:
        return {"name": directory.name, "status": "damaged", "error": str(error)}
    entry = registry().models.get(record.model)
    able = entry.spec.capabilities if entry else ()
    return {
        "name": directory.name,
        "address": shlex.split(directory.address)[0],
        "model": record.model_name,
        "source": record.source,
        "kinds": list(record.info.get("kinds", ())),
        "ready": directory.has_checkpoint("last"),
        "capabilities": [name.rpartition(":")[2] for name in able],
        "figures": (result or {}).get("figures", {}),
        "created": record.created,
        "seconds": (result or {}).get("seconds"),
    }


def _failed(studio: Folder, there: Collection[str]) -> list[dict[str, Any]]:
    """Trainings that failed and left no run, which is taken away if no step of it was done."""
    failed = {
        training.run: {"name": training.run, "status": "failed", "error": training.error}
        for training in studio.trainings.begun
        if training.error and training.run and training.run not in there
    }
    return list(failed.values())


def _now(studio: Folder, directory: RunDirectory, about: dict[str, Any]) -> dict[str, Any]:
    """What becomes of it at this moment.

    elsewhere: whether another process trains it than this studio's. said: why its training failed.
    """
    training = studio.trainings.of(directory.name)
    if about.get("status") == "damaged" or training is None:
        status = about.get("status") or directory.status
        return {"status": status, "elsewhere": status == "running"}
    if not training.running:
        status = directory.status
        said = training.error if status != "finished" else ""
        return {"status": status, "elsewhere": status == "running", "said": said}
    progress = training.progress
    return {
        "status": "running",
        "elsewhere": False,
        "stopping": training.stopping,
        "phase": training.event,
        "progress": {key: progress.get(key) for key in ("fraction", "label", "seconds", "step")},
    }


def _written(path: Path) -> int:
    try:
        return os.lstat(path).st_mtime_ns
    except OSError:
        return 0
