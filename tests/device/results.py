"""What the parts found, kept line by line as it is found, and the tables that are made of it."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.report import Table, shown, write

LINES = "results.jsonl"
SECTION = "device"
"""Name of the section of RESULTS.md."""


@dataclass(frozen=True)
class Goal:
    """A bound that a figure is to keep, in the figure's unit."""

    bound: float
    at_most: bool = True

    def met(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound


@dataclass
class Figure:
    """One thing measured, once or several times.

    values: None for a run that did not get there.
    """

    what: str
    unit: str
    values: list[float | None] = field(default_factory=list)
    goal: Goal | None = None
    note: str = ""

    def median(self) -> float | None:
        """Of all runs, of which those that did not get there are the worst."""
        lasting = [value for value in self.values if value is not None]
        if len(lasting) * 2 <= len(self.values):
            return None
        worst = float("inf") if self.goal is None or self.goal.at_most else float("-inf")
        middle = statistics.median(worst if value is None else value for value in self.values)
        return middle if abs(middle) != float("inf") else None

    def cells(self) -> list[str]:
        goal, median = "", self.median()
        if self.goal is not None:
            goal = f"{'at most' if self.goal.at_most else 'at least'} {shown(self.goal.bound)}"
            met = median is not None and self.goal.met(median)
            goal += ", met" if met else ", not met"
        each = " · ".join("not reached" if v is None else shown(v) for v in self.values)
        middle = "not reached" if median is None else shown(median)
        return [self.what, self.unit, middle, each, goal, self.note]


class Results:
    """A folder in which each finding is a line, written when it is found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, kind: str, **values: Any) -> None:
        with (self.folder / LINES).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, **values}) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def add_figure(self, part: str, figure: Figure) -> None:
        """One that was added before, of the same part and name, is replaced by it."""
        self.add("figure", part=part, **asdict(figure))

    def clear(self) -> None:
        for name in (LINES, "log.txt", "tables.md"):
            (self.folder / name).unlink(missing_ok=True)

    def read(self, kind: str) -> list[dict[str, Any]]:
        path = self.folder / LINES
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        found = []
        for line in lines:
            if line.endswith("}"):  # else it was cut
                values = json.loads(line)
                if values.pop("kind") == kind:
                    found.append(values)
        return found

    @property
    def machine(self) -> dict[str, Any]:
        """`hardware`, `date` and `rehearsal` of the run."""
        found = self.read("machine")
        return found[-1] if found else {}

    def figures(self) -> list[Figure]:
        latest: dict[tuple[str, str], Figure] = {}
        for values in self.read("figure"):
            goal = values.pop("goal")
            figure = Figure(**{k: v for k, v in values.items() if k != "part"})
            figure.goal = Goal(**goal) if goal else None
            latest[values["part"], figure.what] = figure
        return list(latest.values())

    def failed(self) -> list[dict[str, Any]]:
        """The tests that failed, and the parts that did."""
        tests = [test for test in self.read("test") if test["outcome"] == "failed"]
        return tests + [part for part in self.read("part") if part["outcome"] != "done"]

    def tables(self) -> list[Table]:
        headers = ["", "unit", "median", "each run", "goal", ""]
        rows = [figure.cells() for figure in self.figures()]
        return [Table(f"On a GPU: {self.machine['gpu']}", headers, rows), self._parts()]

    def _parts(self) -> Table:
        rows = []
        for part in self.read("part"):
            tests = [t["outcome"] for t in self.read("test") if t["part"] == part["name"]]
            rows.append([part["what"], part["outcome"], _counted(tests), part["seconds"]])
        headers = ["part", "outcome", "tests", "s"]
        return Table("On a GPU: what was checked and measured", headers, rows, self._failures())

    def _failures(self) -> str:
        lines = [
            f"- `{test['name']}`: {test['message']}"
            for test in self.read("test")
            if test["outcome"] == "failed"
        ]
        return "\n".join(["Failed:", "", *lines]) if lines else ""

    def origin(self) -> str:
        machine = self.machine
        return f"Measured by `make device`, {machine['date']}, {machine['hardware']}."

    def write_section(self) -> None:
        """Replace the section of RESULTS.md. Raises ValueError for what is no result of a GPU."""
        if not self.machine:
            raise ValueError(f"{self.folder} has no results")
        if self.machine["rehearsal"]:
            raise ValueError(f"{self.folder} is of a rehearsal, whose figures say nothing")
        write(self.tables(), self.origin(), SECTION)


def _counted(outcomes: Sequence[str]) -> str:
    counts = {each: outcomes.count(each) for each in ("passed", "failed", "xfailed", "skipped")}
    return ", ".join(f"{count} {each}" for each, count in counts.items() if count)
