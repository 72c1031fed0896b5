"""Exact resume: a run that is killed again and again ends as one that never was."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, NamedTuple

from rockfall.run.directory import Record, RunDirectory
from rockfall.testing.comparing import difference
from rockfall.testing.fresh import resume_afresh
from rockfall.testing.rehearsal import copy_of, outcome, rehearse
from rockfall.training import resume


class Kill(NamedTuple):
    """Saved for the last time at moment `saved` (0: never), killed at moment `died`."""

    saved: int
    died: int

    def __str__(self) -> str:
        where = f"after checkpoint {self.saved}" if self.saved else "before its first checkpoint"
        return f"{where}, {self.died - self.saved} moments later"


def draw_kills(moments: int, seed: int) -> list[Kill]:
    """Before the first checkpoint, at the first, at two in between, and at the last.

    moments: at how many the run may save; the last is the one at which it has finished.
    """
    generator = random.Random(seed)
    inner = sorted(generator.sample(range(2, moments), min(2, max(0, moments - 2))))
    farthest = max(3, moments // 10)
    kills = [Kill(0, min(2, moments))]
    for saved in dict.fromkeys((1, *inner, moments)):
        kills.append(Kill(saved, min(moments, saved + generator.randint(0, farthest))))
    return kills


def check_resume(
    record: Record, expected: dict[str, Any], moments: int, folder: Path, seed: int = 0
) -> None:
    """Kill a run at moments drawn from `seed`, each time going on from its last checkpoint.

    All kills come in one chain; only if it ends elsewhere, each is tried alone to name the one.
    """
    kills = draw_kills(moments, seed)
    where = difference(expected, _after(kills, record, folder))
    if not where:
        return
    for kill in kills:
        if alone := difference(expected, _after([kill], record, folder)):
            raise AssertionError(
                f"killed {kill}, and resumed, it differs from an uninterrupted run in {alone}; "
                "name all that changes with run.keep() and run.state"
            )
    raise AssertionError(f"killed {len(kills)} times and resumed, it differs in {where}")


def check_resume_afresh(record: Record, expected: dict[str, Any], folder: Path) -> None:
    """Kill a run before it has saved anything, and go on in another process, in which nothing is
    imported yet that the source and the model import.
    """
    directory = copy_of(record, folder)
    rehearse(directory, saves=(0).__eq__, dies_at=1)
    if resume_afresh(directory.path) and (where := difference(expected, outcome(directory))):
        raise AssertionError(
            "killed before its first checkpoint, and resumed in another process, it differs in "
            f"{where}: what it imports late may draw from the global generators, once a process"
        )


def _after(kills: list[Kill], record: Record, folder: Path) -> dict[str, Any]:
    directory = copy_of(record, folder)
    saved = 0
    for kill in kills:
        rehearse(directory, after=saved, saves=kill.saved.__eq__, dies_at=kill.died)
        saved = kill.saved
    _finish(directory)
    return outcome(directory)


def _finish(directory: RunDirectory) -> None:
    resume(directory.path, listeners=[])
