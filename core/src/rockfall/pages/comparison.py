"""Runs side by side, as `rockfall compare` prints and draws them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from rockfall.config import to_text
from rockfall.kit import pictures
from rockfall.kit.console import console, print_table, say
from rockfall.kit.drawing import Panel, below, curves, side_by_side
from rockfall.kit.measurements import count, measured
from rockfall.kit.regular import is_regular
from rockfall.kit.units import duration
from rockfall.pages.runs import STEPS, RecordedRun
from rockfall.registry import registry
from rockfall.run.directory import RunDirectory
from rockfall.summary import COUNTED, a_second, derived

Row = tuple[str, list[str]]
"""What is compared, and one cell a run, empty where a run has none."""

MOST_METRICS = 2
"""Metrics that are drawn, each in two panels."""
GAP = 12
"""Pixels between the curves and what is below them."""
LEAST_COLUMN = 16
"""Characters that a run's column needs; narrower, the table is written one below the other."""


class Comparison:
    """Two runs or more."""

    def __init__(self, directories: Sequence[RunDirectory]) -> None:
        self.runs = [RecordedRun(directory) for directory in directories]

    def to_json(self) -> dict[str, Any]:
        runs = [run.to_json() for run in self.runs]
        return {"runs": runs, "metrics": self.metrics, "warnings": self.warnings()}

    def print(self) -> None:
        """Print everything on standard output; below 40 columns or so without a table."""
        rows = self.rows()
        names = [run.name for run in self.runs]
        labels = max(len(label) for label, _ in rows)
        if console().width >= labels + LEAST_COLUMN * len(names):
            print_table(("", *names), [(label, *cells) for label, cells in rows])
        else:
            say(f"runs: {', '.join(names)}")
            for label, cells in rows:
                if len(set(cells)) == 1:
                    say(f"{label}: {cells[0]}")
                else:
                    pairs = zip(names, cells, strict=True)
                    say(f"{label}:", *(f"  {name}: {cell}" for name, cell in pairs if cell))
        say(*self.warnings())

    def rows(self) -> list[Row]:
        """What the table says, top to bottom."""
        rows = [
            self._row("model", lambda run: run.record.model_name),
            self._row("source", lambda run: run.source),
            self._row("seed", lambda run: str(run.record.seed)),
            self._row("status", lambda run: run.status),
            *self._settings(),
            *self._measurements(),
            self._row("parameters", lambda run: _count(run.result.get("parameters"))),
            # A setting may be named `steps`, and a step of one method is not one of another.
            self._row("training steps", lambda run: _count(run.result.get("steps"))),
            self._row("environment steps", lambda run: _count(run.result.get(STEPS))),
            *(
                self._row(f"{what} a second", partial(_speed, of=of))
                for of, what in COUNTED.items()
            ),
            self._row("training time", lambda r: duration(r.result["seconds"]) if r.result else ""),
        ]
        return [(label, cells) for label, cells in rows if any(cells)]

    def warnings(self) -> list[str]:
        """Why the measurements should not be held against each other."""
        found = []
        sources = dict.fromkeys(run.source for run in self.runs)
        if len(sources) > 1:
            found.append(f"not comparable: they learned from {' and '.join(sources)}")
        if unfinished := [run.name for run in self.runs if not run.result]:
            found.append(f"not finished, so without figures: {', '.join(unfinished)}")
        return found

    @cached_property
    def metrics(self) -> list[str]:
        """Those that all log: first a model's headline, then what is measured at the end, too, then
        the rest.
        """
        first, *others = (run.metrics for run in self.runs)
        shared = [name for name in first if all(name in other for other in others)]
        headlines = {_headline(run.record.model) for run in self.runs}
        measured_too = {name for run in self.runs for name in run.figures}
        shared.sort(key=lambda name: (name not in headlines, name not in measured_too))
        return shared[:MOST_METRICS]

    def draw(self, out: Path) -> Path | None:
        """Write the curves of the shared metrics, by steps (of the environment, if all say them)
        and by seconds, and below them the pictures of their models; None without any.
        """
        axes = {run.axis for run in self.runs}
        axis = axes.pop() if len(axes) == 1 else "step"
        panels = [
            Panel(
                metric, across.replace("_", " "), [run.curve(metric, across) for run in self.runs]
            )
            for metric in self.metrics
            # A step of one method is not a step of another, but a second is a second.
            for across in (axis, "seconds")
        ]
        parts = [curves(panels)] if panels else []
        for name in filter(None, (entry.spec.compared for entry in registry().capabilities)):
            files = [(run.name, run.directory.pictures / f"{name}.png") for run in self.runs]
            if all(is_regular(file) for _, file in files):
                parts.append(side_by_side(files))
        return pictures.save(out, below(parts, GAP, "middle")) if parts else None

    @property
    def next(self) -> str:
        return "  ·  ".join(f"rockfall show {run.directory.address}" for run in self.runs)

    def _row(self, label: str, cell: Callable[[RecordedRun], str]) -> Row:
        return label, [cell(run) for run in self.runs]

    def _settings(self) -> list[Row]:
        """Those that differ; one that not all have, where it is not the model's default."""
        changed = {name for run in self.runs for name in run.changed_settings}
        configs = [run.record.config for run in self.runs]
        rows = []
        for name in dict.fromkeys(name for config in configs for name in config):
            cells = [to_text(config[name]) if name in config else "" for config in configs]
            if len(set(cells)) > 1 and (all(cells) or name in changed):
                rows.append((name, cells))
        return rows

    def _measurements(self) -> list[Row]:
        """Each measurement, what else it amounts to, and its baselines."""
        rows: list[Row] = []
        for name in dict.fromkeys(name for run in self.runs for name in run.figures):
            found = [run.figures.get(name, {}) for run in self.runs]
            rows.append((name, [measured(each) for each in found]))
            amounts = [derived(each) for each in found]
            for what in dict.fromkeys(what for each in amounts for what in each):
                rows.append((f"{name}, {what}", [each.get(what, "") for each in amounts]))
            baselines = [each.get("baselines", {}) for each in found]
            for other in dict.fromkeys(other for each in baselines for other in each):
                rows.append((f"({other})", [measured(each.get(other, {})) for each in baselines]))
        return rows


def _headline(model: str) -> str:
    """The logged metric that says best how well a model fares; empty if it names none."""
    entry = registry().models.get(model)
    kind = entry.spec.load() if entry else None
    headline: str = getattr(kind, "headline", "") or getattr(kind, "monitor", "").lstrip("-")
    return headline


def _speed(run: RecordedRun, of: str) -> str:
    return _count(a_second(run.result, of))


def _count(number: float | None) -> str:
    return count(number) if number else ""
