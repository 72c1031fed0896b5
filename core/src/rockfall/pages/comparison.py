"""Runs side by side, as `rockfall compare` tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image

from rockfall.config import to_text
from rockfall.kit import pictures
from rockfall.kit.console import console, print_table, say
from rockfall.kit.drawing import Curve, Panel, curves
from rockfall.kit.drawing.layout import below
from rockfall.kit.drawing.side_by_side import side_by_side
from rockfall.kit.progress import duration
from rockfall.pages.runs import logged, source_name, unusual_settings
from rockfall.registry import registry
from rockfall.run.directory import RunDirectory
from rockfall.summary import count, derived, examples_a_second, measured

Rows = list[tuple[str, list[str]]]
"""What is compared, and one cell a run, empty where a run has none."""

MOST_METRICS = 2
"""Metrics that are drawn, each in two panels."""
GAP = 12
"""Pixels between the curves and what is below them."""
LEAST_COLUMN = 16
"""Characters that a run's column needs; narrower, the table is written one below the other."""


@dataclass
class Comparison:
    """Two runs or more."""

    runs: list[RunDirectory]

    def __post_init__(self) -> None:
        self.records = [run.record() for run in self.runs]
        self.results = [run.result() or {} for run in self.runs]
        self.statuses = [run.status for run in self.runs]

    def data(self) -> dict[str, Any]:
        runs = zip(self.runs, self.records, self.results, self.statuses, strict=True)
        return {
            "runs": [
                {
                    "run": run.name,
                    "model": record.model_name,
                    "source": record.source,
                    "source_options": record.source_options,
                    "seed": record.seed,
                    "status": status,
                    "config": record.config,
                    "figures": result.get("figures", {}),
                    "parameters": result.get("parameters"),
                    "steps": result.get("steps"),
                    "examples": result.get("examples"),
                    "seconds": result.get("seconds"),
                }
                for run, record, result, status in runs
            ],
            "metrics": self.metrics,
            "warnings": self.warnings(),
        }

    def print(self) -> None:
        """Tell everything on standard output; below 40 columns or so without a table."""
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

    def rows(self) -> Rows:
        """What the table says, top to bottom."""
        rows = [
            ("model", [record.model_name for record in self.records]),
            ("source", [source_name(record) for record in self.records]),
            ("seed", [str(record.seed) for record in self.records]),
            ("status", self.statuses),
            *self._settings(),
            *self._figures(),
            ("parameters", [_count(r.get("parameters")) for r in self.results]),
            ("steps", [_count(r.get("steps")) for r in self.results]),
            ("examples a second", [_count(examples_a_second(r)) for r in self.results]),
            ("training time", [duration(r["seconds"]) if r else "" for r in self.results]),
        ]
        return [(label, cells) for label, cells in rows if any(cells)]

    def warnings(self) -> list[str]:
        """Why the figures should not be held against each other."""
        found = []
        sources = list(dict.fromkeys(map(source_name, self.records)))
        if len(sources) > 1:
            found.append(f"not comparable: they learned from {' and '.join(sources)}")
        unfinished = [
            run.name for run, result in zip(self.runs, self.results, strict=True) if not result
        ]
        if unfinished:
            found.append(f"not finished, so without figures: {', '.join(unfinished)}")
        return found

    @cached_property
    def metrics(self) -> list[str]:
        """Those that all log: first what a model monitors, then what is a figure, then the rest."""
        columns = [logged(run) for run in self.runs]
        shared = [name for name in columns[0] if all(name in other for other in columns)]
        monitored = {self._monitor(record.model) for record in self.records}
        figures = {name for result in self.results for name in result.get("figures", {})}
        shared.sort(key=lambda name: (name not in monitored, name not in figures))
        return shared[:MOST_METRICS]

    def draw(self, out: Path) -> Path | None:
        """Write the curves of the shared metrics, by steps and by seconds, and below them what
        their models made; None without any.
        """
        parts = [self._curves()] if self.metrics else []
        parts += [side_by_side(files) for files in self._shared_pictures()]
        return pictures.save(out, below(parts, GAP, "middle")) if parts else None

    @property
    def next(self) -> str:
        return "  ·  ".join(f"rockfall show {run.address}" for run in self.runs)

    def _curves(self) -> Image.Image:
        columns = [logged(run) for run in self.runs]
        panels = [
            Panel(
                metric,
                across,
                [
                    Curve(run.name, [(line[across], value) for line, value in column[metric]])
                    for run, column in zip(self.runs, columns, strict=True)
                ],
            )
            for metric in self.metrics
            # A step of one method is not a step of another, but a second is a second.
            for across in ("step", "seconds")
        ]
        return curves(panels)

    def _shared_pictures(self) -> list[list[tuple[str, Path]]]:
        """Of each picture that capabilities have compared, and all runs left, the runs' files."""
        specs = [entry.spec for entry in registry().capabilities]
        names = [spec.compared for spec in specs if spec.compared]
        found = [[(run.name, run.pictures / f"{name}.png") for run in self.runs] for name in names]
        return [files for files in found if all(file.exists() for _, file in files)]

    def _settings(self) -> Rows:
        """Those that differ; one that not all have, where it is not the model's default."""
        unusual = {name for record in self.records for name in unusual_settings(record)}
        names = dict.fromkeys(name for record in self.records for name in record.config)
        rows = []
        for name in names:
            cells = [to_text(r.config[name]) if name in r.config else "" for r in self.records]
            if len(set(cells)) > 1 and (all(cells) or name in unusual):
                rows.append((name, cells))
        return rows

    def _figures(self) -> Rows:
        rows: Rows = []
        figures = [result.get("figures", {}) for result in self.results]
        for name in dict.fromkeys(name for found in figures for name in found):
            mine = [found.get(name, {}) for found in figures]
            rows.append((name, [_figure(figure) for figure in mine]))
            amounts = [derived(figure) for figure in mine]
            for what in dict.fromkeys(what for each in amounts for what in each):
                rows.append((f"{name}, {what}", [each.get(what, "") for each in amounts]))
            for baseline in dict.fromkeys(b for f in mine for b in f.get("baselines", {})):
                measured = [figure.get("baselines", {}).get(baseline, {}) for figure in mine]
                rows.append((f"({baseline})", [_figure(theirs) for theirs in measured]))
        return rows

    def _monitor(self, model: str) -> str:
        entry = registry().models.get(model)
        monitor: str = getattr(entry.spec.load(), "monitor", "") if entry else ""
        return monitor.lstrip("-")


def _figure(figure: dict[str, Any]) -> str:
    return measured(figure) if figure else ""


def _count(number: float | None) -> str:
    return count(number) if number else ""
