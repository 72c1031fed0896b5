"""A place where trials run that need no time: what a run gives is a function of its settings."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rockfall_sweeps.driver import Driver
from rockfall_sweeps.places import Said
from rockfall_sweeps.pruners import RUNGS
from rockfall_sweeps.request import FILE, Request
from rockfall_sweeps.settings import space_of
from rockfall_sweeps.space import Space
from rockfall_sweeps.study import Study
from rockfall_sweeps.trial import Job, versions

Outcome = Callable[[Job, int], float]
"""The value of a job's metric at a rung, or raises what its training would."""


def bowl(job: Job, rung: int) -> float:
    """Best at lr 1e-3; one seed is better than the next."""
    lr = float(job.settings["lr"])
    other = 0.1 * (str(job.settings.get("batch_size", "64")) != "64")
    return (-((math.log10(lr) + 3) ** 2) - other) * (1 + 1 / rung) - 0.01 * job.seed


class Pretended:
    """Runs that say a word at a time, each in its turn. begun: the names of those that began."""

    def __init__(self, jobs: int = 1, outcome: Outcome = bowl) -> None:
        self.jobs, self.outcome = jobs, outcome
        self.begun: list[str] = []
        self.jobs_begun: list[Job] = []
        self._words: dict[str, list[dict[str, Any]]] = {}

    def start(self, job: Job) -> None:
        self.begun.append(job.name)
        self.jobs_begun.append(job)
        words: list[dict[str, Any]] = [{"event": "hello", "versions": versions()}]
        try:
            for rung in range(1, RUNGS):
                words.append({"event": "rung", "rung": rung, "value": self.outcome(job, rung)})
            value = self.outcome(job, RUNGS)
            words.append({"event": "ended", "value": value, "stopped": ""})
        except RuntimeError as error:
            words.append({"event": "failed", "message": str(error), "usage": False})
        self._words[job.name] = words

    def heard(self, seconds: float) -> list[Said]:
        said = []
        for name, words in list(self._words.items()):
            said.append(Said(name, words.pop(0)))
            if not words:
                del self._words[name]
        return said

    def stop(self, run: str, reason: str) -> None:
        self._words[run] = [{"event": "ended", "value": None, "stopped": reason}]

    def close(self) -> None:
        self._words.clear()


def request(**given: Any) -> Request:
    how: dict[str, Any] = {
        "model": "rockfall-vision:mlp",
        "source": "digits",
        "space": {"lr": "1e-5..1e-1:log", "batch_size": "64,128"},
        "metric": "validation accuracy",
    }
    return Request(**{**how, **given})


def drive(
    folder: Path, asked: Request, place: Any = None, trials: int | None = 12, **how: Any
) -> Study:
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / FILE).exists():
        asked.write(folder)
    place = place or Pretended()
    space: Space = space_of(asked)
    driver = Driver(folder, asked, space, place, lambda kind, data: None, trials=trials, **how)
    driver.go()
    return Study(folder, asked, driver.study)


def told(study: Study) -> list[tuple[Any, ...]]:
    """All that a sweep decided, to be compared."""
    return [
        (
            each.number,
            each.state.name,
            tuple(sorted(each.params.items())),
            each.value,
            tuple(sorted(each.intermediate_values.items())),
            tuple(sorted((k, str(v)) for k, v in each.user_attrs.items())),
        )
        for each in study.trials
    ]


__all__ = ["Pretended", "bowl", "drive", "request", "told"]
