"""Trials on this machine, each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
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
        self._running: dict[str, subprocess.Popen[str]] = {}

    def start(self, job: Job) -> None:
        errors = tempfile.TemporaryFile()  # noqa: SIM115
        process = subprocess.Popen(
            [sys.executable, "-m", "rockfall_sweeps"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **dict.fromkeys(THREADS, str(job.threads))},
            start_new_session=True,  # Ctrl-C is for the driver, which stops them
        )
        self._running[job.name] = process
        self._write(process, job.to_json())
        reader = threading.Thread(target=self._read, args=(job.name, process, errors), daemon=True)
        reader.start()

    def heard(self, seconds: float) -> list[Said]:
        found: list[Said] = []
        with contextlib.suppress(queue.Empty):
            found.append(self._said.get(timeout=seconds))
            while True:
                found.append(self._said.get_nowait())
        return found

    def stop(self, run: str, reason: str) -> None:
        if process := self._running.get(run):
            self._write(process, f"stop {' '.join(reason.split())}")

    def close(self) -> None:
        running = list(self._running.values())
        try:
            for process in running:
                self._end(process)
            deadline = time.monotonic() + PATIENCE
            for process in running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))
        finally:  # a second Ctrl-C waits for nothing
            for process in running:
                process.kill()
                process.wait()

    def _end(self, process: subprocess.Popen[str]) -> None:
        """The end of its standard input stops it as Ctrl-C does."""
        with contextlib.suppress(OSError):
            assert process.stdin is not None
            process.stdin.close()

    def _write(self, process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended meanwhile
            process.stdin.write(line + "\n")
            process.stdin.flush()

    def _read(self, name: str, process: subprocess.Popen[str], errors: IO[bytes]) -> None:
        """Pass on what a process says, to its end."""
        assert process.stdout is not None
        told = False
        for line in process.stdout:
            with contextlib.suppress(ValueError):
                event: dict[str, Any] = json.loads(line)
                told = told or event["event"] in ("ended", "failed", "interrupted")
                self._said.put(Said(name, event))
        process.wait()
        self._end(process)
        self._running.pop(name, None)
        if not told:
            self._said.put(Said(name, {"event": "gone", "message": _why(process, errors)}))
        errors.close()


def _why(process: subprocess.Popen[str], errors: IO[bytes]) -> str:
    if process.returncode < 0:
        return f"it was killed (signal {-process.returncode})"
    size = os.fstat(errors.fileno()).st_size
    said = os.pread(errors.fileno(), WORDS, max(0, size - WORDS)).decode("utf-8", "replace")
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")
    return last or f"it ended with code {process.returncode}"
