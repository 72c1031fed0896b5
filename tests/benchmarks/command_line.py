"""CPU time of `rockfall --help` and `rockfall list`, as multiples of the bare interpreter's.

Whole processes, taking turns, so that a machine that slows down slows all of them; medians.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.report import Table, script

ROCKFALL = str(Path(sys.executable).with_name("rockfall"))
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "rockfall --help": [ROCKFALL, "--help"],
    "rockfall list": [ROCKFALL, "list"],
    "rockfall": [ROCKFALL],
}


def cpu_seconds(command: list[str]) -> float:
    """User and system time of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(options: argparse.Namespace) -> list[Table]:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(options.repeats + 1):
        for name, command in COMMANDS.items():
            times[name].append(cpu_seconds(command))
    medians = {name: statistics.median(seconds[1:]) for name, seconds in times.items()}
    bare = medians["python -c pass"]
    rows = [[f"`{name}`", 1000 * s, s / bare] for name, s in medians.items()]
    return [Table("Command line", ["command", "CPU ms", "× bare interpreter"], rows)]


if __name__ == "__main__":
    script(__doc__, measure, repeats=15)
