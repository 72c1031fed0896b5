"""Studios of their own for tests, each a child process, and small runs that are trained once."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY_WITHIN = 60.0
"""Seconds that a studio may take to say its address on a machine that does much else."""

TRAINED = {
    "lenet5": ("lenet5", "digits", "epochs=12", "batch_size=32"),
    "vae": ("vae", "digits", "--preset", "tiny"),
    "gan": ("gan", "digits", "--preset", "tiny"),
    "rbm": ("rbm", "digits", "--preset", "tiny"),
    "pqn": ("pqn", "falling-rocks-8x8", "--preset", "tiny"),
}
"""Name of a run → what is typed after `rockfall train`. Each takes seconds."""


@dataclass(frozen=True)
class Served:
    """A studio that runs. address: with its token. runs: its folder of runs."""

    address: str
    port: int
    runs: Path
    process: subprocess.Popen[str]
    log: Path

    @property
    def base(self) -> str:
        """Its address without the token."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        return self.address.partition("token=")[2]


def rockfall(*words: str) -> list[str]:
    return [sys.executable, "-m", "rockfall", *words]


@contextlib.contextmanager
def serve(runs: Path, *options: str, port: int = 0) -> Iterator[Served]:
    """`rockfall studio` on that folder until the block ends; its errors are in `log`."""
    runs.mkdir(parents=True, exist_ok=True)
    log = runs.with_name(f"{runs.name}.{os.getpid()}.log")
    with log.open("a") as errors:
        process = subprocess.Popen(
            rockfall(
                *("studio", "--no-browser", "--json", "--port", str(port), "--out", str(runs)),
                *options,
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        said = _ready(process, log)
        yield Served(said["address"], said["port"], runs, process, log)
    finally:
        _end(process)


def trained(folder: Path, name: str) -> Path:
    """The run of TRAINED in this folder, trained by whoever comes first, also among processes."""
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / name / "result.json").exists():
            shutil.rmtree(folder / name, ignore_errors=True)
            words = ("train", *TRAINED[name], "--name", name, "--out", str(folder), "--json")
            done = subprocess.run(rockfall(*words), capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
    return folder / name


def _ready(process: subprocess.Popen[str], log: Path) -> dict[str, Any]:
    """The line of JSON that it prints once it listens."""
    late = threading.Timer(READY_WITHIN, process.kill)
    late.start()
    assert process.stdout is not None
    line = process.stdout.readline()
    late.cancel()
    assert line, f"no studio: {log.read_text()}"
    return json.loads(line)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    assert process.stdout is not None
    process.stdout.close()
