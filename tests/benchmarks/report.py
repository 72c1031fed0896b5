"""What the benchmarks share: options, a table, and their section of RESULTS.md.

Every script measures the things that it compares side by side in one run, in CPU seconds on one
thread. A noisy machine slows not all of them alike, so each section says on which processor it was
measured and what else ran there; one of another processor stands beside it, not in its place.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch

from tests.benchmarks.machine import Median, Watch, processor

RESULTS = Path(__file__).with_name("RESULTS.md")


@dataclass(frozen=True)
class Table:
    """One benchmark's outcome; `note` says what to read out of it."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""

    def markdown(self) -> str:
        lines = [
            f"| {' | '.join(self.headers)} |",
            "|" + " --- |" * len(self.headers),
            *(f"| {' | '.join(map(shown, row))} |" for row in self.rows),
        ]
        return "\n".join([f"## {self.title}", "", *lines, *(["", self.note] if self.note else [])])


def shown(value: Any) -> str:
    """A cell: numbers to three digits or so, and the range of those of several rounds."""
    if isinstance(value, Median):
        return value.shown(",.0f" if value >= 1000 else ".3g")
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


def script(
    doc: str,
    measure: Callable[[argparse.Namespace], list[Table]],
    *,
    origin: Callable[[], str] | None = None,
    **options: Any,
) -> None:
    """Run a benchmark as a script: `--json` for programs, `--write` into RESULTS.md.

    origin: the line that says how, when and on what all of it was measured; by default, by this
        command, now and here. options: name → default of what else it takes, typed as the default
        is; False makes a flag.
    """
    parser = argparse.ArgumentParser(description=doc.strip().splitlines()[0])
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--write", action="store_true", help="replace its section of RESULTS.md")
    for name, default in options.items():
        if default is False:
            parser.add_argument(f"--{name}", action="store_true")
        else:
            parser.add_argument(f"--{name}", type=type(default), default=default)
    given = parser.parse_args()
    torch.set_num_threads(1)
    watch = Watch()
    tables = measure(given)
    machine = watch.report()
    print(machine, file=sys.stderr)
    if given.json:
        told = {"processor": processor(), "machine": machine}
        print(json.dumps([{**vars(table), **told} for table in tables], indent=2))
    else:
        print("\n\n".join(table.markdown() for table in tables))
    if given.write:
        if origin:
            write(tables, origin())
        else:
            write(tables, here_and_now(machine), own_section())


def here_and_now(machine: str) -> str:
    """machine: what else ran there, as `Watch` reports it."""
    command = f"python -m tests.benchmarks.{_name()} {' '.join(sys.argv[1:])}".strip()
    return f"Measured by `{command}`, {datetime.date.today()}, {hardware()}; {machine}."


def write(tables: list[Table], origin: str, name: str = "") -> None:
    """Replace a section of RESULTS.md, by default this script's; its last line says where it comes
    from.
    """
    name = name or _name()
    body = "\n\n".join(table.markdown() for table in tables)
    section = f"<!-- {name} -->\n{body}\n\n{origin}\n<!-- /{name} -->"
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEADER
    if there := section_of(name, text):
        text = text.replace(there, section)
    else:
        text = f"{text.rstrip()}\n\n{section}\n"
    RESULTS.write_text(text, encoding="utf-8")


def _name() -> str:
    return Path(sys.argv[0]).stem


def own_section() -> str:
    """The name of this script's section; another, if that of its name is of another processor."""
    name, here = _name(), processor()
    there = section_of(name, RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else ""
    plain = here.partition(" (")[0]  # as older sections name it
    return name if not there or here in there or f" {plain}, " in there else f"{name}: {here}"


def section_of(name: str, text: str) -> str:
    """What stands between the marks of a section, and they; empty if it is not there."""
    mark = re.escape(name)
    found = re.search(rf"<!-- {mark} -->.*?<!-- /{mark} -->", text, re.DOTALL)
    return found[0] if found else ""


def hardware() -> str:
    """The processor, its cores, and the versions that matter."""
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return (
        f"{processor()}, {os.cpu_count()} cores{gpu}, Python {platform.python_version()}, "
        f"NumPy {numpy.__version__}, torch {torch.__version__}"
    )


HEADER = """# Measured

Each section is written by the command under it; `make bench` runs them all, but for
`vision_tables`, `boltzmann_likelihood`, `boltzmann_patches`, `generator_likelihood`,
`generator_mnist` and `canvas_painter`, which take long and need data.
CPU seconds are those of `time.process_time` on one thread; ratios are taken within one run. Numbers
in brackets are the least and the most of the rounds. Each section ends with its processor and the
load of the machine, and stands once for each processor.
"""
