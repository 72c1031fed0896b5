"""`make device`, which is `python -m tests.device`: all that is to be seen on a GPU, in minutes.

Every part is a process of its own, so that none spoils another, and is ended when its time is up;
what it found by then is kept. The time that a part leaves is the others'. The last lines are the
tables, which are in OUT/tables.md too.
"""

from __future__ import annotations

import argparse
import datetime
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from tests.benchmarks.report import hardware
from tests.device.parts import PARTS, Part
from tests.device.recorder import FOLDER, PART
from tests.device.results import Results

LEAST = 5.0
"""Seconds with which a part is begun."""
OUT = "ROCKFALL_DEVICE_OUT"
ROOT = Path(__file__).parents[2]


def run(part: Part, seconds: float, results: Results, rehearsal: bool) -> str:
    """Run a part for at most so many seconds; returns how it ended."""
    variables = {**os.environ, FOLDER: str(results.folder), PART: part.name}
    variables["PYTHONUNBUFFERED"] = "1"
    if part.tests:
        variables["OMP_NUM_THREADS"] = "1"  # their work is tiny
    if rehearsal:
        variables["ROCKFALL_REHEARSAL"] = "1"
    with (results.folder / "log.txt").open("a", encoding="utf-8") as log:
        log.write(f"\n==== {part.name} ====\n")
        log.flush()
        process = subprocess.Popen(
            part.command(seconds, results.folder, rehearsal),
            env=variables,
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that its workers are ended with it
        )
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            end(process)
            return f"cut after {seconds:.0f} s"
        except KeyboardInterrupt:
            end(process)
            raise
    return "done" if code == 0 else f"failed ({code})"


def end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run_parts(parts: Sequence[Part], results: Results, budget: float, rehearsal: bool) -> None:
    """Each with its own share of the budget, and what those before it left."""
    begun = time.monotonic()
    shares = budget / sum(part.seconds for part in PARTS)
    due = 0.0
    for part in parts:
        due += part.seconds * shares
        seconds = due - (time.monotonic() - begun)
        print(f"{part.name}: {part.what} … ", end="", flush=True)
        started = time.monotonic()
        outcome = "no time left"
        if seconds >= LEAST:
            outcome = run(part, seconds, results, rehearsal)
        took = round(time.monotonic() - started, 1)
        results.add("part", name=part.name, what=part.what, outcome=outcome, seconds=took)
        print(f"{outcome}, {took} s", flush=True)


def describe(results: Results, rehearsal: bool) -> None:
    results.add(
        "machine",
        hardware=hardware(),
        gpu="none: a rehearsal" if rehearsal else torch.cuda.get_device_name(),
        date=str(datetime.date.today()),
        rehearsal=rehearsal,
    )


def show(results: Results) -> None:
    said = "\n\n".join([*(table.markdown() for table in results.tables()), results.origin()])
    if results.machine["rehearsal"]:
        said = f"A REHEARSAL: small, on the CPU. None of these figures is one of a GPU.\n\n{said}"
    (results.folder / "tables.md").write_text(f"{said}\n", encoding="utf-8")
    print(f"\n{said}")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.device",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(os.environ.get(OUT, "device-results")),
        help="folder of the results, whose former ones are replaced (default: %(default)s)",
    )
    parser.add_argument(
        "--budget", type=float, default=475, metavar="S", help="seconds in all (default: 475)"
    )
    names = [part.name for part in PARTS]
    parser.add_argument("--only", metavar="PART,…", help=f"of {', '.join(names)}")
    parser.add_argument("--rehearse", action="store_true", help="small, on the CPU")
    parser.add_argument("--write", action="store_true", help="the section of RESULTS.md, too")
    parser.add_argument("--show", action="store_true", help="run nothing: what OUT holds")
    given = parser.parse_args()
    results = Results(given.out.resolve())
    if not given.show:
        if not given.rehearse and not torch.cuda.is_available():
            print("no CUDA device here: --rehearse goes through it on the CPU", file=sys.stderr)
            return 2
        wanted = given.only.split(",") if given.only else names
        if unknown := set(wanted) - set(names):
            parser.error(f"no part {', '.join(sorted(unknown))}: {', '.join(names)}")
        results.clear()
        describe(results, given.rehearse)
        parts = [part for part in PARTS if part.name in wanted]
        run_parts(parts, results, given.budget, given.rehearse)
    if not results.machine:
        parser.error(f"{results.folder} has no results")
    show(results)
    if given.write:
        try:
            results.write_section()
        except ValueError as error:
            parser.error(str(error))
    return bool(results.failed())


if __name__ == "__main__":
    sys.exit(main())
