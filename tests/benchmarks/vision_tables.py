"""The classic tables of image classification, ours beside the published figures.

Each row of `classic_rows` is `rockfall train` with its settings, on one thread, over some seeds.
What was measured is kept in `vision_tables.json`, with its date and machine, so that the tables can
be measured in parts: `--only lenet5,wide` measures these rows, `--long` adds those that take more
than ten minutes a seed, `--known` measures none, and every call writes all that is known. A row
whose settings have changed since is measured anew or not shown. Needs the datasets, downloaded or
in `ROCKFALL_DATA`.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import sys
from pathlib import Path
from typing import Any

import rockfall
from rockfall.errors import RockfallError, did_you_mean
from rockfall.kit.files import read_json, write_json
from tests.benchmarks.classic_rows import ROWS, TABLES, Row
from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.report import Table, hardware, script

KEPT = Path(__file__).with_name("vision_tables.json")
HEADERS = (
    "",
    "published",
    "goal",
    "test accuracy",
    "by seed",
    "train accuracy",
    "CPU s",
    "examples a CPU s",
    "parameters",
    "`rockfall train …`",
)
NOTE = (
    "Percent and seconds are medians over the seeds; train accuracy is that of 10,000 training "
    "pictures. Learning rates are ours, and so are batch sizes that the row does not name."
)

Measured = dict[str, Any]
"""What is kept of a row: its `words`, all settings that came of them (`config`), the `trials`, one
a seed, and their `date` and `hardware`.
"""


def trial(row: Row, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """One training: accuracies in percent, CPU seconds, examples, parameters; and its config."""
    run, result, seconds = trained(
        row.model,
        row.source,
        source_options=row.options,
        config=row.settings,
        preset=row.preset or None,
        seed=seed,
    )
    found = {
        "accuracy": 100 * result["figures"]["test accuracy"]["value"],
        "train accuracy": 100 * result["figures"]["train accuracy"]["value"],
        "cpu seconds": round(seconds, 2),
        "examples": result["examples"],
        "parameters": result["parameters"],
    }
    return found, run.record.config


def measure_row(row: Row, seeds: int) -> Measured:
    trials = []
    for seed in range(seeds):
        found, config = trial(row, seed)
        trials.append(found)
        tell(f"{row.name}, seed {seed}: {found['accuracy']:.2f} in {found['cpu seconds']:.0f} s")
    return {
        "words": row.words,
        "config": config,
        "trials": trials,
        "date": datetime.date.today().isoformat(),
        "hardware": hardware(),
    }


def chosen(options: argparse.Namespace) -> list[Row]:
    """The rows that were asked for; an unknown one ends the script."""
    if options.known:
        return []
    if not options.only:
        return [row for row in ROWS.values() if options.long or not row.long]
    names = options.only.split(",")
    for name in names:
        if name not in ROWS:
            raise SystemExit(f"no row {name}{did_you_mean(name, ROWS) or ': ' + ', '.join(ROWS)}")
    return [ROWS[name] for name in names]


def known() -> dict[str, Measured]:
    """What was measured of rows that are still the same."""
    kept = read_json(KEPT) if KEPT.exists() else {}
    return {
        name: measured
        for name, measured in kept.items()
        if name in ROWS and measured["words"] == ROWS[name].words
    }


def measure(options: argparse.Namespace) -> list[Table]:
    missing: dict[str, str] = {}
    for row in chosen(options):
        if row.source not in missing:
            try:
                rockfall.open_source(row.source)
            except RockfallError as error:
                missing[row.source] = str(error)
            else:
                missing[row.source] = ""
        if missing[row.source]:
            tell(f"{row.name} is skipped: {missing[row.source]}")
            continue
        measured = measure_row(row, options.seeds)
        write_json(KEPT, {**known(), row.name: measured})
    found = known()
    return [
        Table(title, HEADERS, [cells(row, found.get(row.name)) for row in rows])
        for title, rows in TABLES.items()
    ]


def cells(row: Row, measured: Measured | None) -> list[Any]:
    begin = [row.says, row.published, row.goal]
    end = f"`{row.words}`"
    if measured is None:
        return [*begin, "not measured", *[""] * 5, end]
    columns = {key: [t[key] for t in measured["trials"]] for key in measured["trials"][0]}
    seconds = statistics.median(columns["cpu seconds"])
    return [
        *begin,
        f"{statistics.median(columns['accuracy']):.2f}",
        " · ".join(f"{value:.2f}" for value in columns["accuracy"]),
        f"{statistics.median(columns['train accuracy']):.2f}",
        seconds,
        columns["examples"][0] / seconds,
        f"{columns['parameters'][0]:,}",
        end,
    ]


def origin() -> str:
    """When and where the rows were measured, those of one day and machine together."""
    groups: dict[str, list[str]] = {}
    for name, measured in known().items():
        groups.setdefault(f"{measured['date']}, {measured['hardware']}", []).append(f"`{name}`")
    lines = [f"- {when}: {', '.join(names)}" for when, names in sorted(groups.items())]
    how = "Measured by `python -m tests.benchmarks.vision_tables --write --only ROW,ROW,…`:"
    return "\n".join([NOTE, "", how, "", *lines])


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    script(__doc__, measure, origin=origin, only="", long=False, known=False, seeds=3)
