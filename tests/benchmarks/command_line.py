"""CPU time of `rockfall --help` and `rockfall list` as multiples of the bare interpreter's.

Whole processes, interleaved, so that a machine that slows down slows all of them; medians.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.table import arguments, report

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


def main() -> None:
    options = arguments(__doc__, repeats=15)
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(options.repeats):
        for name, command in COMMANDS.items():
            times[name].append(cpu_seconds(command))
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    bare = medians["python -c pass"]
    report(
        "Command line",
        ["command", "CPU ms", "× the bare interpreter"],
        [[name, 1000 * seconds, seconds / bare] for name, seconds in medians.items()],
        options,
    )


if __name__ == "__main__":
    main()
