"""Trainings, each in a process of its own: `rockfall train … --json`, as somebody could type it.

So the page stays live whatever a model does, `rockfall runs` sees the same runs, and a training
that is stopped here is resumed like any other.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rockfall import RockfallError, UsageError

MOST = 4
"""Trainings at once."""
PATIENCE = 20.0
"""Seconds in which a training that is told to stop may write its checkpoint."""
NAMED_WITHIN = 60.0
"""Seconds in which one must have begun its run, or have said why not."""


@dataclass
class Training:
    """A child process, and the run that it trains.

    arguments: after `rockfall`, as they would be typed.
    """

    arguments: tuple[str, ...]
    process: subprocess.Popen[str]
    errors: IO[str]
    run: str = ""
    phase: str = "starting"

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def error(self) -> str:
        """What it said went wrong, in one line; empty: nothing, or not yet."""
        if self.running or self.process.returncode in (0, 130):
            return ""
        self.errors.seek(0)
        said = [line.strip() for line in self.errors.read().splitlines() if line.strip()]
        return said[-1] if said else f"the training ended with code {self.process.returncode}"


class Trainings:
    """Those that this studio began. out: the folder of their runs."""

    def __init__(self, out: Path | None = None) -> None:
        self.out = out
        self.begun: list[Training] = []
        self._lock = threading.Lock()

    def train(self, model: str, words: Sequence[str]) -> Training:
        """Begin one, and wait until its run has a name.

        words: the source and settings, each a word of `rockfall train MODEL …`. Raises UsageError
        for a word that would be an option, RockfallError with what the training said if it ended
        at once.
        """
        for word in (model, *words):
            if word.startswith("-") or "\0" in word:
                raise UsageError(f"{word[:40]!r} is no setting")
        out = ["--out", str(self.out)] if self.out else []
        return self._begin(("train", model, *words, *out, "--json"))

    def resume(self, run: str, words: Sequence[str] = ()) -> Training:
        """Go on with a run. run: its path."""
        return self._begin(("resume", run, *words, "--json"))

    def of(self, run: str) -> Training | None:
        """The newest one of a run."""
        return next((each for each in reversed(self.begun) if each.run == run), None)

    def stop(self, run: str) -> None:
        """As Ctrl-C does: it writes a checkpoint and ends. Raises UsageError for a run that this
        studio does not train.
        """
        training = self.of(run)
        if training is None or not training.running:
            raise UsageError(f"run {run[:80]} is not being trained from here")
        training.process.terminate()

    def close(self) -> None:
        """Stop all, with time for their checkpoints."""
        running = [training for training in self.begun if training.running]
        for training in running:
            training.process.terminate()
        deadline = time.monotonic() + PATIENCE
        for training in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                training.process.wait(max(0.0, deadline - time.monotonic()))
            training.process.kill()

    def _begin(self, arguments: tuple[str, ...]) -> Training:
        with self._lock:
            if sum(training.running for training in self.begun) >= MOST:
                raise RockfallError(
                    f"{MOST} trainings go on already: stop one, or wait for its end"
                )
            errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
            process = subprocess.Popen(
                [sys.executable, "-m", "rockfall", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,  # Ctrl-C in the studio's terminal is for the studio
            )
            training = Training(arguments, process, errors)
            self.begun.append(training)
        named = threading.Event()
        threading.Thread(target=_follow, args=(training, named), daemon=True).start()
        named.wait(NAMED_WITHIN)
        if not training.run and (error := training.error()):
            raise RockfallError(error)
        return training


def _follow(training: Training, named: threading.Event) -> None:
    """Read its events to the end. named: set when its run is known, or it has ended."""
    assert training.process.stdout is not None
    for line in training.process.stdout:
        event = _event(line)
        training.phase = str(event.get("event", training.phase))
        if event.get("event") == "started":
            training.run = str(event["run"])
            named.set()
    training.process.wait()
    training.phase = "ended"
    named.set()


def _event(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
