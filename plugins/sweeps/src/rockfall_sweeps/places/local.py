"""Trials on this machine, each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from rockfall_sweeps.places.place import Said
from rockfall_sweeps.trial import Job

PATIENCE = 20.0
"""Seconds in which a trial that is told to stop may write its checkpoint."""
WORDS = 2**14
"""Bytes of its last words that are looked at."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What libraries read when they are imported."""


class Local:
    """At most `jobs` processes at once."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._said: queue.Queue[Said] = queue.Queue()
        self._running: dict[str, Child] = {}
        self._nursery: Nursery | None = None

    def start(self, job: Job) -> None:
        errors = tempfile.TemporaryFile()  # noqa: SIM115
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        files = (theirs_in, theirs_out, errors.fileno())
        try:
            process = self._begin(job, files)
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        child = Child(process, os.fdopen(ours_in, "w"), os.fdopen(ours_out), errors)
        self._running[job.name] = child
        child.write(job.to_json())
        threading.Thread(target=self._read, args=(job.name, child), daemon=True).start()

    def _begin(self, job: Job, files: Sequence[int]) -> subprocess.Popen[bytes] | None:
        """A process with these files for standard input, output and error; None if it is forked."""
        environment = {**os.environ, **dict.fromkeys(THREADS, str(job.threads))}
        if may_fork(job):
            self._nursery = self._nursery or Nursery(environment)
            if self._nursery.ask(files):
                return None
            self._nursery = None  # it was killed
        stdin, stdout, stderr = files
        return subprocess.Popen(
            [sys.executable, "-m", "rockfall_sweeps"],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the driver, which stops them
        )

    def heard(self, seconds: float) -> list[Said]:
        found: list[Said] = []
        with contextlib.suppress(queue.Empty):
            found.append(self._said.get(timeout=seconds))
            while True:
                found.append(self._said.get_nowait())
        return found

    def stop(self, run: str, reason: str) -> None:
        if child := self._running.get(run):
            child.write(f"stop {' '.join(reason.split())}")

    def close(self) -> None:
        running = list(self._running.values())
        try:
            for child in running:
                child.end()
            deadline = time.monotonic() + PATIENCE
            for child in running:
                child.ended.wait(max(0.0, deadline - time.monotonic()))
        finally:  # a second Ctrl-C waits for nothing
            for child in running:
                child.kill()
            if self._nursery:
                self._nursery.close()
                self._nursery = None

    def _read(self, name: str, child: Child) -> None:
        """Pass on what a process says, to its end."""
        told = False
        for line in child.output:
            with contextlib.suppress(ValueError):
                event: dict[str, Any] = json.loads(line)
                child.pid = event.get("pid", child.pid)
                told = told or event["event"] in ("ended", "failed", "interrupted")
                self._said.put(Said(name, event))
        why = child.close()
        self._running.pop(name, None)
        if not told:
            self._said.put(Said(name, {"event": "gone", "message": why}))
        child.ended.set()


@dataclass
class Child:
    """A process that carries out a trial; without `process` it is the nursery's, which says when it
    ends by nothing but the end of its output.
    """

    process: subprocess.Popen[bytes] | None
    input: IO[str]
    output: IO[str]
    errors: IO[bytes]
    pid: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # it has ended meanwhile
            self.input.write(line + "\n")
            self.input.flush()

    def end(self) -> None:
        """The end of its standard input stops it as Ctrl-C does."""
        with contextlib.suppress(OSError):
            self.input.close()

    def kill(self) -> None:
        if self.process:
            self.process.kill()
        elif self.pid and not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self.ended.wait(1.0)

    def close(self) -> str:
        """Once its output has ended; returns why it may have."""
        code = self.process.wait() if self.process else 0
        self.end()
        self.output.close()
        size = os.fstat(self.errors.fileno()).st_size
        said = os.pread(self.errors.fileno(), WORDS, max(0, size - WORDS))
        self.errors.close()
        if code < 0:
            return f"it was killed (signal {-code})"
        lines = said.decode("utf-8", "replace").splitlines()
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return last or "it was killed"


class Nursery:
    """The process that forks into trials."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rockfall_sweeps", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env=environment,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def ask(self, files: Sequence[int]) -> bool:
        """Whether it forks into a trial with these files."""
        try:
            socket.send_fds(self._socket, [b"1"], files)
        except OSError:
            self.close()
            return False
        return True

    def close(self) -> None:
        self._socket.close()
        self._process.kill()
        self._process.wait()


def may_fork(job: Job) -> bool:
    """Whether a process that has imported torch can fork into this trial: without threads, which
    would be missing, and without a GPU, which can't be used from there.
    """
    if sys.platform != "linux" or job.threads != 1:
        return False
    import torch

    return not torch.cuda.is_available()
