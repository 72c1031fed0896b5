"""What one trial does, wherever it runs: train, or go on from the last checkpoint, to the end.

So a trial that was killed costs the steps since its last checkpoint, and whoever carries it out
need not know whether anybody has before. `python -m rockfall_sweeps` is one in a process of its
own: it reads its job from standard input, a line of JSON, and says what happens on standard
output. `stop REASON` on standard input prunes it; the end of standard input stops it as Ctrl-C
does, so that no trial outlives whoever began it.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import rockfall
from rockfall import Event, Interrupted, RockfallError, Run, UsageError
from rockfall.verbs import RunDirectory
from rockfall_sweeps.rungs import Rungs
from rockfall_sweeps.travel import fetch, send

Tell = Callable[[dict[str, Any]], str]
"""Says what happens; returns the reason for which the trial has to end, INTERRUPT, or nothing."""
INTERRUPT = "interrupt"
"""To stop as Ctrl-C does: with a checkpoint, to go on another time."""
HELD = 0.5
"""Seconds between two looks at whether a run is free."""

_begun: list[Run] = []
"""The run of this process's trial, as `rockfall_run_started` gives it."""


def run_started(run: Run) -> None:
    """A run begins in this process."""
    _begun[:] = [run]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A run of a sweep. metric: what it is judged by, without its sign. remote: the URL of a folder
    to which its checkpoints travel, if that where it runs is no one else's. tell_every: seconds
    between two words about how far it is.
    """

    out: str
    name: str
    model: str
    source: str
    source_options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    preset: str | None = None
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    threads: int = 1
    deterministic: bool = False
    metric: str = ""
    checkpoint_every: float = 30.0
    remote: str = ""
    tell_every: float = 0.0

    @property
    def directory(self) -> RunDirectory:
        return RunDirectory(Path(self.out, self.name))

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class Travelling:
    """A job in a folder of this machine alone, whose run comes from a URL and goes back there."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def __enter__(self) -> Job:
        self._folder = tempfile.mkdtemp(prefix="rockfall-sweeps-")
        job = replace(self.job, out=self._folder, remote=f"{self.job.remote}/{self.job.name}")
        fetch(job.remote, job.directory.path)
        self._here = job
        return job

    def __exit__(self, *_: object) -> None:
        try:
            if self._here.directory.record_file.exists():
                send(self._here.directory.path, self._here.remote, whole=True)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


def versions() -> dict[str, str]:
    """Of what decides figures, where this process runs."""
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in ("rockfall-core", "rockfall-sweeps", "torch")},
    }


def carry_out(job: Job, tell: Tell) -> None:
    """Train the run of a job, or go on with it, and tell `ended` with its value.

    Raises what training raises, Interrupted too.
    """
    tell({"event": "hello", "pid": os.getpid(), "versions": versions()})
    if job.remote:
        with Travelling(job) as here:
            end = _carry_out(here, tell)
    else:
        end = _carry_out(job, tell)
    tell(end)


def _carry_out(job: Job, tell: Tell) -> dict[str, Any]:
    """Returns what to tell of the end."""
    follower = Follower(job, tell)
    try:
        run = _train_or_resume(job, follower)
    except Interrupted:
        if not (_begun and _begun[0].stopped):
            raise
        follower.look()
        return {"event": "ended", "value": None, "stopped": _begun[0].stopped}
    follower.at_end(run)
    return {"event": "ended", "value": value_of(run, job.metric), "stopped": ""}


def _train_or_resume(job: Job, follower: Follower) -> Run:
    directory = job.directory
    while directory.status == "running":  # by whoever was told to before, and is about to stop
        time.sleep(HELD)
    if os.path.lexists(directory.record_file):
        return rockfall.resume(
            directory.path, listeners=[follower], checkpoint_every=job.checkpoint_every
        )
    # What a process leaves that is killed before its run has a record is none.
    shutil.rmtree(directory.path, ignore_errors=True)
    return rockfall.train(
        job.model,
        job.source,
        source_options=job.source_options,
        config=job.settings,
        preset=job.preset,
        seed=job.seed,
        device=job.device,
        precision=job.precision,
        threads=job.threads,
        deterministic=job.deterministic,
        name=job.name,
        out=job.out,
        listeners=[follower],
        checkpoint_every=job.checkpoint_every,
        measured_on="validation",
    )


def value_of(run: Run, metric: str) -> float:
    """What a finished run is judged by: a figure, measured on the validation examples or episodes,
    or else what was logged last. What begins with `validation` or `evaluation` is logged.

    Raises UsageError if there is neither, and names what there is.
    """
    figures = (run.result or {}).get("figures", {})
    logged: dict[str, float] = {}
    for line in run.directory.lines():
        logged.update(line)
    of_validation = metric.startswith(("validation", "evaluation"))
    if metric in figures and not (of_validation and metric in logged):
        return float(figures[metric]["value"])
    if metric in logged:
        return float(logged[metric])
    names = [name for name in logged if name not in NOT_METRICS]
    raise UsageError(
        f"no trial has a metric {metric}: {run.record.model_name} measures "
        f"{', '.join(figures) or 'nothing'} and logs {', '.join(names) or 'nothing'}"
    )


NOT_METRICS = ("step", "seconds", "epoch", "environment_steps")


class Follower:
    """A listener: tells how far the run is, and at each rung how good."""

    def __init__(self, job: Job, tell: Tell) -> None:
        self._job, self._tell = job, tell
        self._rungs = Rungs(job.directory.metrics_file, job.metric)
        self._next = 0.0

    def __call__(self, event: Event) -> None:
        if event.kind == "checkpoint" and self._job.remote:
            send(self._job.directory.path, self._job.remote)
        if event.kind == "started":
            self._say(event="begun", resumed=event.data["resumed"])
        elif event.kind == "warning":
            self._say(event="warning", message=event.data["message"])
        elif event.kind == "progress":
            data = event.data
            self._rungs.total(data["environment_steps"] or data["step"], data["fraction"])
            self.look()
            if (now := time.monotonic()) < self._next:
                return
            self._next = now + self._job.tell_every
            metrics = {self._job.metric: data["metrics"].get(self._job.metric)}
            self._say(event="progress", fraction=data["fraction"], metrics=metrics)

    def at_end(self, run: Run) -> None:
        """Tell of all that is left: of a short run, and one that a kill left finished, nothing has
        been told before.
        """
        self._rungs.total(run.environment_steps or run.step, 1.0)
        self.look()

    def look(self) -> None:
        """Tell of the rungs that it has reached."""
        for rung, value in self._rungs.reached():
            self._say(event="rung", rung=rung, value=value)

    def _say(self, **data: Any) -> None:
        word = self._tell(data)
        if word == INTERRUPT:
            os.kill(os.getpid(), signal.SIGTERM)
        elif word and _begun:
            _begun[0].stop(word)


def failure(error: BaseException) -> dict[str, Any]:
    """What to tell of an error: one line, and whether it is one of usage."""
    known = isinstance(error, RockfallError)
    words = " ".join(str(error).split())
    message = words if known else f"{type(error).__name__}: {words}"
    if isinstance(error, Interrupted | KeyboardInterrupt):
        return {"event": "interrupted", "message": message}
    return {"event": "failed", "message": message[:500], "usage": isinstance(error, UsageError)}


def main() -> int:
    """One trial in this process. Its exit code is 0 once it has told how it ended."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed is no answer
    words = iter(os.fdopen(0, closefd=False).readline, "")
    job = Job(**json.loads(next(words)))
    reasons: list[str] = []
    threading.Thread(target=_listen, args=(words, reasons), daemon=True).start()

    def tell(data: Mapping[str, Any]) -> str:
        answers.write(json.dumps(data) + "\n")
        answers.flush()
        return reasons[0] if reasons else ""

    try:
        carry_out(job, tell)
    except BrokenPipeError:  # whoever began it is gone
        return 1
    except BaseException as error:
        with contextlib.suppress(BrokenPipeError):
            tell(failure(error))
    return 0


def _listen(words: Iterator[str], reasons: list[str]) -> None:
    for line in words:
        word, _, reason = line.strip().partition(" ")
        if word == "stop":
            reasons.append(reason or "stopped")
    os.kill(os.getpid(), signal.SIGTERM)
