"""CPU time of commands, from nothing to their answer, as multiples of the bare interpreter's.

Whole processes, taking turns, so that a machine that slows down slows all of them; medians. A
training is measured up to its first report of progress, and then ended. `--against FOLDER` measures
the commands of another environment's `bin` beside them, such as an older version's.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.machine import Median
from tests.benchmarks.report import Table, script

COMMANDS = ("--help", "list", "", "info lenet5", "train lenet5 --json")
PROGRESS = '{"event": "progress"'


def used(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_seconds(command: list[str]) -> float:
    """User and system time of one process, to its end or to its first report of progress."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "ROCKFALL_RUNS": folder, "OMP_NUM_THREADS": "1"},
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(PROGRESS):
                so_far = used(process.pid)
                process.kill()
                return so_far
    assert process.returncode == 0, command
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(options: argparse.Namespace) -> list[Table]:
    ours = str(Path(sys.executable).with_name("rockfall"))
    programs = {"rockfall": ours}
    if options.against:
        programs["before: rockfall"] = str(Path(options.against) / "rockfall")
    commands = {"python -c pass": [sys.executable, "-c", "pass"]}
    commands |= {
        f"{name} {words}".strip(): [program, *words.split()]
        for words in COMMANDS
        for name, program in programs.items()
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.repeats + 1):
        for name, command in commands.items():
            times[name].append(1000 * cpu_seconds(command))
    medians = {name: Median(milliseconds[1:]) for name, milliseconds in times.items()}
    bare = float(medians["python -c pass"])
    rows = [[f"`{name}`", found, found / bare] for name, found in medians.items()]
    note = (
        "A training is measured up to its first report of progress, on one thread; `info` as it is "
        "after its first time."
    )
    return [Table("Command line", ["command", "CPU ms", "× bare interpreter"], rows, note)]


if __name__ == "__main__":
    script(__doc__, measure, repeats=7, against="")
