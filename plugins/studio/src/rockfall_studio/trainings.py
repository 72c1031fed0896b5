"""Trainings, each in a process of its own: `rockfall train … --json`, as somebody could type it.

So the page stays live whatever a model does, `rockfall runs` sees the same runs, and a training
that is stopped here is resumed like any other.

A studio that ends stops its trainings first. One that is killed can't: they go on to their end, for
what they say goes into a file that needs no reader, and the next studio shows them as runs that
another process trains.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from rockfall import RockfallError, UsageError
from rockfall.verbs import RunDirectory

MOST = 4
"""Trainings at once."""
MOST_ENDED = 50
"""Trainings that have ended whose last words are remembered."""
PATIENCE = 20.0
"""Seconds in which a training that is told to stop may write its checkpoint."""
NAMED_WITHIN = 60.0
"""Seconds in which one must have begun its run, or have said why not."""
LOOK = 0.1
"""Seconds between two looks at what a training said."""
READ = 2**16
"""Bytes of it that are read at once; of its errors, the last so many alone."""
EMPTIED = 2**20
"""Bytes from which on what was read of it is thrown away."""
INTERRUPTED = (130, -signal.SIGTERM)
"""How a training ends that was told to: the second before its run had begun."""


@dataclass
class Training:
    """A child process, and the run that it trains.

    arguments: after `rockfall`, as they would be typed.
    run: its name; empty until it has one. event: the last of its events. progress: of the last
    event of that kind, such as `fraction`. stopping: whether it was told to.
    """

    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes]
    run: str = ""
    event: str = "starting"
    progress: Mapping[str, Any] = field(default_factory=dict)
    stopping: bool = False
    error: str = ""
    """What it said went wrong, in one line, once it has ended; empty: nothing."""

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """As Ctrl-C does: it writes a checkpoint and ends; at once if it is told twice."""
        self.stopping = True
        self.process.terminate()


class Trainings:
    """Those that this studio began. out: the folder of their runs."""

    rockfall: Sequence[str] = (sys.executable, "-m", "rockfall")
    """The command line of which each is a verb."""

    def __init__(self, out: Path | None = None) -> None:
        self.out = out
        self.begun: list[Training] = []
        self._lock = threading.Lock()

    def train(
        self, model: str, words: Sequence[str], options: Mapping[str, str] | None = None
    ) -> Training:
        """Begin one, and wait until its run has a name.

        words: the source and settings, each a word of `rockfall train MODEL …`. options: of the
        verb, `{"seed": "3"}`. Raises UsageError for a word that would be an option, RockfallError
        with what the training said if it ended at once.
        """
        out = {"out": str(self.out.absolute())} if self.out else {}
        return self._begin("train", (model, *words), {**(options or {}), **out})

    def resume(self, directory: RunDirectory, words: Sequence[str] = ()) -> Training:
        """Go on with a run. words: `steps=2000`, with which one that has finished goes on too."""
        path = str(directory.path.absolute())
        return self._begin("resume", (path, *words), {}, run=directory.name)

    def of(self, run: str) -> Training | None:
        """The newest one of a run."""
        return next((each for each in reversed(self.begun) if each.run == run), None)

    def stop(self, run: str) -> None:
        """As Ctrl-C does. Raises UsageError for a run that this studio does not train."""
        training = self.of(run)
        if training is None or not training.running:
            raise UsageError(
                f"run {run[:80]} is not being trained from here: Ctrl-C stops it where it was begun"
            )
        training.stop()

    def close(self) -> None:
        """Stop all, with time for their checkpoints."""
        running = [training for training in self.begun if training.running]
        for training in running:
            training.stop()
        deadline = time.monotonic() + PATIENCE
        try:
            for training in running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    training.process.wait(max(0.0, deadline - time.monotonic()))
        finally:  # a second Ctrl-C waits for nothing
            for training in running:
                training.process.kill()
                training.process.wait()

    def _begin(
        self, verb: str, words: Sequence[str], options: Mapping[str, str], run: str = ""
    ) -> Training:
        for word in words:
            if word.startswith("-") or "\0" in word:
                raise UsageError(f"{word[:40]!r} is no setting")
        # An option's value is a part of its own word, and behind `--` there are none.
        given = [f"--{name}={value}" for name, value in options.items()]
        arguments = (verb, "--json", *given, "--", *words)
        with self._lock, contextlib.ExitStack() as files:
            running = [each for each in self.begun if each.running]
            if len(running) >= MOST:
                raise RockfallError(
                    f"{MOST} trainings go on already: stop one, or wait for its end"
                )
            said, errors = (  # appended to, so that what was read can be cut off
                files.enter_context(tempfile.TemporaryFile("ab+")) for _ in range(2)
            )
            process = subprocess.Popen(
                [*self.rockfall, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=errors,
                start_new_session=True,  # Ctrl-C in the studio's terminal is for the studio
            )
            training = Training(arguments, process, run)
            ended = [each for each in self.begun if not each.running]
            self.begun = [
                each for each in self.begun if each.running or each in ended[-MOST_ENDED:]
            ]
            self.begun.append(training)
            named = threading.Event()
            follow = (training, named, said, errors, files.pop_all())
            threading.Thread(target=_follow, args=follow, daemon=True).start()
        named.wait(NAMED_WITHIN)
        if training.error and training.event == "starting":
            raise RockfallError(training.error)
        return training


def _follow(
    training: Training,
    named: threading.Event,
    said: IO[bytes],
    errors: IO[bytes],
    files: contextlib.ExitStack,
) -> None:
    """Read its events to the end. named: set when its run is known, or it has ended."""
    rest, at = b"", 0
    with files:
        while True:
            ended = not training.running  # before the last look, so that nothing comes after it
            # The place in the file is the child's, too, so it is read without being moved.
            while block := os.pread(said.fileno(), READ, at):
                at += len(block)
                *whole, rest = (rest + block).split(b"\n")
                for event in _events(whole):
                    _heard(training, event)
            if training.event != "starting":
                named.set()
            if ended:
                break
            if at > EMPTIED and os.fstat(said.fileno()).st_size == at:
                # Of what is written just now a line of progress may be lost, and nothing else.
                os.ftruncate(said.fileno(), 0)
                at = 0
            time.sleep(LOOK)
        training.error = _error(training, errors)
        named.set()


def _events(lines: Iterable[bytes]) -> Iterable[dict[str, Any]]:
    for line in lines:
        with contextlib.suppress(ValueError, RecursionError):
            event = json.loads(line)
            if isinstance(event, dict) and isinstance(event.get("event"), str):
                yield event


def _heard(training: Training, event: Mapping[str, Any]) -> None:
    training.run = training.run or str(event.get("run", ""))
    training.event = event["event"]
    if training.event == "progress":
        training.progress = event


def _error(training: Training, errors: IO[bytes]) -> str:
    code = training.process.returncode
    if code == 0 or code in INTERRUPTED:
        return ""
    size = os.fstat(errors.fileno()).st_size
    last_words = os.pread(errors.fileno(), READ, max(0, size - READ))
    said = last_words.decode("utf-8", "replace").splitlines()
    last = next((line.strip() for line in reversed(said) if line.strip()), "")
    if code < 0:
        return f"the training was killed (signal {-code}): resume it"
    return last.removeprefix("rockfall: ") or f"the training ended with code {code}"
