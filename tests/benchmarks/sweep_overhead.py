"""What a sweep takes beside its trials: to decide, in CPU time, and to begin and end a process.

Decisions are measured with trials that give their value at once, so that nothing else takes time:
1,000 of each sampler, and then 20 more of a sweep that has 10,000. Whole trials are tiny ones, in
processes of their own, one and two at once.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import optuna

from rockfall_sweeps.driver import Driver
from rockfall_sweeps.places.local import Local
from rockfall_sweeps.request import JOURNAL, Request
from rockfall_sweeps.settings import space_of
from rockfall_sweeps.study import Study
from rockfall_sweeps.trial import Job
from tests.benchmarks.report import Table, script
from tests.sweeps.pretending import Pretended, bowl, request

LATER, MORE = 10_000, 20
TINY = {"hidden": "16", "latent": "4", "epochs": "2", "batch_size": "256"}


class Instant(Pretended):
    """Nothing is said but the value."""

    def start(self, job: Job) -> None:
        super().start(job)
        words = self._words[job.name]
        self._words[job.name] = [words[0], words[-1]]


def drive(folder: Path, asked: Request, place: Any, trials: int) -> tuple[Driver, float]:
    """CPU seconds of the driver."""
    folder.mkdir(exist_ok=True)
    began = time.process_time()
    driver = Driver(folder, asked, space_of(asked), place, lambda *_: None, trials=trials)
    driver.go()
    return driver, time.process_time() - began


def filled(study: optuna.Study, count: int) -> optuna.Study:
    """One with as many trials that have finished, in memory, where nothing else takes time."""
    known = study.get_trials(deepcopy=False)
    more = optuna.create_study(direction=study.direction)
    for number in range(count):
        like = known[number % len(known)]
        more.add_trial(
            optuna.trial.create_trial(
                params=like.params, distributions=like.distributions, value=like.value
            )
        )
    return more


def decisions(options: argparse.Namespace) -> Table:
    rows = []
    for sampler in ("random", "grid", "cmaes", "tpe"):
        space = {"lr": "1e-5..1e-1:log", "weight_decay": "1e-6..1e-1:log", "batch_size": "64,128"}
        if sampler == "grid":
            space = {"lr": ",".join(f"1e-{n}" for n in range(1, 101)), "batch_size": many(100)}
        asked = request(sampler=sampler, pruner="none", space=space)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "s"
            _, first = drive(folder, asked, Instant(outcome=bowl), 100)
            driver, all_of_it = drive(folder, asked, Instant(outcome=bowl), options.trials)
            size = (folder / JOURNAL).stat().st_size / options.trials
            driver.study = filled(driver.study, LATER)
            began = time.process_time()
            for number in range(LATER, LATER + MORE):
                driver._open_trial(number)
            late = (time.process_time() - began) / MORE
        rows.append(
            [sampler, 10 * first, 1000 * (first + all_of_it) / options.trials, 1000 * late, size]
        )
    note = (
        "CPU ms that the deciding process takes for a trial of two or three settings. With "
        f"{LATER:,} trials only the proposal is counted."
    )
    headers = ["sampler", "of 100", f"of {options.trials:,}", f"at {LATER:,}", "bytes of journal"]
    return Table("Sweeps: to decide", headers, rows, note)


def many(count: int) -> str:
    return ",".join(str(number) for number in range(1, count + 1))


def processes(options: argparse.Namespace) -> Table:
    asked = request(
        model="rockfall-generators:autoencoder",
        settings=TINY,
        space={"lr": "1e-4..1e-1:log"},
        metric="-validation_loss",
        pruner="none",
        sampler="random",
    )
    rows = []
    for jobs in (1, 2):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "s"
            began = time.monotonic()
            driver, cpu = drive(folder, asked, Local(jobs), options.real)
            lasted = time.monotonic() - began
            study = Study(folder, asked, driver.study)
            runs = [run for trial in study.trials for run in study.runs_of(trial)]
            fitted = sum(float((run.result() or {})["seconds"]) for run in runs)
        count = options.real
        rows.append([jobs, lasted / count, fitted / count, 1000 * cpu / count])
    note = (
        f"{options.real} runs of `autoencoder`, {' '.join('='.join(i) for i in TINY.items())}, in "
        "seconds of the clock; what is not fitting opens the data, measures and draws."
    )
    headers = ["jobs", "s a trial", "of which fitting", "CPU ms of the deciding process"]
    return Table("Sweeps: tiny trials", headers, rows, note)


def measure(options: argparse.Namespace) -> list[Table]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    vars(os)["fsync"] = lambda _: None  # the disk is not what is measured
    tables = [] if options.only == "processes" else [decisions(options)]
    return tables + ([] if options.only == "decisions" else [processes(options)])


if __name__ == "__main__":
    script(__doc__, measure, trials=1_000, real=12, only="")
