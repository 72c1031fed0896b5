"""Several processes of one command on this machine, for `--devices N`: each its rank of a run.

They find each other by a file, and talk over the loopback device alone. A signal that reaches this
process is passed on to each of them once; if one fails, the others are given some seconds to end
by themselves, and one line says what happened.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rockfall.errors import RockfallError, UsageError
from rockfall.kit.interrupt import STOPS

GRACE = 10.0
"""Seconds in which the others end by themselves after one has failed."""
POLL = 0.05
LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"
PREFIX = "rockfall: "
"""Of the line that a command ends with when it fails."""


def is_rank() -> bool:
    """Whether this process is one of several already, as torchrun or this module started it."""
    slurm = os.environ.get("SLURM_STEP_NUM_TASKS", "1")
    return {"RANK", "WORLD_SIZE"} <= os.environ.keys() or slurm not in ("", "1")


def launch(devices: int, arguments: Sequence[str]) -> int:
    """Run `rockfall ARGUMENTS` in so many processes; returns the exit code of rank 0.

    Raises RockfallError for one that ended and left rank 0 nothing to say.
    """
    if os.name != "posix":
        raise UsageError("--devices starts its processes on Linux and macOS alone: use torchrun")
    with tempfile.TemporaryDirectory(prefix="rockfall-") as folder:
        processes = [_start(rank, devices, arguments, Path(folder)) for rank in range(devices)]
        try:
            with _signals_to(processes):
                return _watch(processes, Path(folder))
        finally:
            for process in processes:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                process.wait()


def _start(rank: int, size: int, arguments: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    there = {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "WORLD_SIZE": size,
        "ROCKFALL_STORE": folder / "store",
        "ROCKFALL_LAUNCHER": os.getpid(),
        "GLOO_SOCKET_IFNAME": LOOPBACK,
        "NCCL_SOCKET_IFNAME": LOOPBACK,
    }
    words = folder / f"rank-{rank}.txt"
    with words.open("wb") if rank else contextlib.nullcontext() as said:
        return subprocess.Popen(
            [sys.executable, "-m", "rockfall", *arguments],
            env={**os.environ, **{name: str(value) for name, value in there.items()}},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            process_group=0,  # the terminal's Ctrl-C reaches them through this process, once
        )


@contextlib.contextmanager
def _signals_to(processes: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    def send(number: int, frame: Any) -> None:
        for process in processes:
            if process.poll() is None:
                process.send_signal(number)

    before = [(number, signal.signal(number, send)) for number in STOPS]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _watch(processes: Sequence[subprocess.Popen[bytes]], folder: Path) -> int:
    """Until all have ended, or one has failed and the others had their time."""
    first, *others = processes
    deadline: float | None = None
    failed: int | None = None
    while any(process.poll() is None for process in processes):
        if failed is None:
            failed = next((rank for rank, each in enumerate(processes) if each.poll()), None)
            deadline = None if failed is None else time.monotonic() + GRACE
        elif deadline is not None and time.monotonic() > deadline:
            break
        time.sleep(POLL)
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()
    if first.returncode >= 0 and (first.returncode or not any(p.returncode for p in others)):
        return first.returncode  # it has said why, if it failed
    failed = (
        failed if failed is not None else next(r for r, p in enumerate(processes) if p.returncode)
    )
    raise RockfallError(_end_of(failed, processes[failed], folder))


def _end_of(rank: int, process: subprocess.Popen[bytes], folder: Path) -> str:
    """What is known of how one ended."""
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        return (
            f"rank {rank} was killed ({name}); `rockfall resume` goes on from its last checkpoint"
        )
    words = folder / f"rank-{rank}.txt"
    lines = words.read_text(errors="replace").splitlines() if words.exists() else []
    last = lines[-1].removeprefix(PREFIX) if lines else "it ended without a word"
    return f"rank {rank}: {last}"
