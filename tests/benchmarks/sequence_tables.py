"""What each memory solves, and what that takes: distracted recall and the tasks of the papers.

Each row of `sequence_rows` is trained on one thread over some seeds. On distracted recall a memory
learns until 99.99 % of what 10,000 held-out sequences ask for is right, measured after each epoch,
off the clock; elsewhere to the end, and is then judged as `evaluate` judges. What was measured is
kept in `sequence_tables.json`, seed by seed with its date and machine, so that the tables can be
measured in parts: `--only recall,text` goes on with these, `--model gru` with one model's,
`--seeds 1` with the first seed, `--known` with none, and every call writes all that is known.
A memory that has failed at some length is not tried with other seeds, nor, if it was far from
solving it, at greater lengths.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import rockfall
from rockfall import Batch, Run
from rockfall.kit.randomness import seed_everything
from rockfall.registry import registry
from rockfall_sequences.distracted_recall import distracted_recall
from rockfall_sequences.sequence_model import accuracy, in_parts
from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.kept_trials import Kept, Row, Trial
from tests.benchmarks.report import Table, script
from tests.benchmarks.sequence_rows import GROUPS, LENGTHS, MODELS, TIMES

KEPT = Kept(Path(__file__).with_name("sequence_tables.json"), GROUPS)
MARKS = {"99 %": 0.99, "99.99 %": 0.9999}
SECONDS = 60.0
"""That a memory has for each of the lengths."""


class Over(Exception):
    """It is solved, or its time is up."""


def trial(row: Row, seed: int) -> Trial:
    """One training: what it reached, CPU seconds, parameters."""
    if row.source == "distracted-recall":
        return until_solved(row, seed, SECONDS if row in GROUPS["lengths"].rows else float("inf"))
    _, result, seconds = trained(
        row.model,
        row.source,
        source_options=row.options,
        config=row.settings,
        preset=row.preset,
        seed=seed,
    )
    return {
        "figures": {
            name: {
                "value": found["value"],
                "baselines": {key: each["value"] for key, each in found["baselines"].items()},
            }
            for name, found in result["figures"].items()
        },
        "parameters": result["parameters"],
        "cpu seconds": round(seconds, 2),
    }


def until_solved(row: Row, seed: int, most: float) -> Trial:
    """Sequences and CPU seconds at which each mark was first passed, in at most so many seconds."""
    data = distracted_recall(**row.options)
    kind = registry().models.find(row.model).spec.load()
    seed_everything(seed)
    model = kind(kind.Config(**row.config), data.info)
    run = Run.unrecorded(model, data.info, seed=seed, device="cpu", threads=1)
    found: Trial = {
        "parameters": sum(values.numel() for values in model.parameters()),
        "passed": {},
    }
    clock = Clock()

    def look(_: rockfall.Split) -> dict[str, torch.Tensor]:
        spent = round(clock.stop(), 2)
        right = measured(model, data.test[:])
        for mark, least in MARKS.items():
            if right >= least:
                found["passed"].setdefault(mark, [run.examples, spent])
        found.update({"accuracy": right, "sequences": run.examples, "cpu seconds": spent})
        if right >= max(MARKS.values()) or spent > most:
            raise Over
        clock.start()
        return {}

    model.validation_metrics = look
    with contextlib.suppress(Over):
        model.fit(data, run)
    return found


class Clock:
    """CPU seconds of this process while it runs."""

    def __init__(self) -> None:
        self._spent, self._since = 0.0, time.process_time()

    def start(self) -> None:
        self._since = time.process_time()

    def stop(self) -> float:
        self._spent += time.process_time() - self._since
        return self._spent


@torch.no_grad()
def measured(model: Any, test: Batch) -> float:
    model.eval()
    outputs = torch.cat([model(part) for part in in_parts(test.inputs)])
    model.train()
    return float(accuracy(outputs, test.labels))


def hopeless(row: Row) -> bool:
    """Whether another seed, or so great a length, is not worth the time."""
    if not any(row in GROUPS[name].rows for name in ("lengths", "adding", "copy")):
        return False
    if row.source == "distracted-recall" and any(map(failed, KEPT.trials(row))):
        return True
    steps = steps_of(row)
    shorter = [
        other
        for group in GROUPS.values()
        if row in group.rows
        for other in group.rows
        if other.model == row.model and steps_of(other) < steps
    ]
    return any(failed(each) and is_far(each) for other in shorter for each in KEPT.trials(other))


def steps_of(row: Row) -> int:
    return int(next(iter(row.options.values()), LENGTHS[0]))


def failed(found: Trial) -> bool:
    return "99.99 %" not in found.get("passed", {})


def is_far(found: Trial) -> bool:
    """At distracted recall below 90 %, at copying below 30 %, at adding an error above 0.1."""
    figures = {name: each["value"] for name, each in found.get("figures", {}).items()}
    figures["accuracy"] = found.get("accuracy", 1.0)
    error, right = figures.get("test squared error", 0.0), figures.get("test accuracy", 1.0)
    return bool(figures["accuracy"] < 0.9 or right < 0.3 or error > 0.1)


def shown(found: Trial) -> str:
    """A trial's outcome."""
    if "passed" in found:
        sequences = [f"{mark} by {at:,}" for mark, (at, _) in found["passed"].items()]
        return ", ".join(sequences) or f"ends at {100 * found['accuracy']:.2f} %"
    return ", ".join(f"{name} {each['value']:.4g}" for name, each in found["figures"].items())


def chosen(options: argparse.Namespace) -> list[Row]:
    return [row for row in KEPT.chosen(options) if options.model in ("", row.model)]


def measure(options: argparse.Namespace) -> list[Table]:
    KEPT.measure(chosen(options), options.seeds, trial, shown, hopeless)
    tables = [
        recall(),
        lengths(),
        scores("reber"),
        characters(),
        by_length("adding", "test squared error"),
        by_length("copy", "test accuracy"),
        scores("mnist"),
    ]
    return [table for table in tables if table.rows]


def recall() -> Table:
    headers = (
        "",
        "parameters",
        "solved",
        "sequences to 99 %",
        "CPU s",
        "to 99.99 %",
        "CPU s",
        "ends at, %",
    )
    rows = [
        recall_row(f"{row.model} --preset {row.preset}" if row.preset else row.model, trials)
        for row in (*GROUPS["recall"].rows, *GROUPS["original"].rows)
        if (trials := KEPT.trials(row))
    ]
    note = (
        "22 steps before the two queries, defaults, one thread. Sequences and CPU seconds are "
        "medians of the seeds that came so far; those of 99.99 % with the least and the most. By "
        "the rule of 2012 (`simple-lstm --preset original`), which learns one sequence at a time, "
        "its author's own program took 332,000 sequences to 99 %."
    )
    return Table(GROUPS["recall"].title, headers, rows, note)


def recall_row(name: str, trials: Sequence[Trial]) -> list[Any]:
    cells: list[Any] = [f"`{name}`", f"{trials[0]['parameters']:,}", solved(trials)]
    for mark in MARKS:
        passed = [each["passed"][mark] for each in trials if mark in each["passed"]]
        if not passed:
            cells += ["", ""]
            continue
        sequences, seconds = ([each[part] for each in passed] for part in (0, 1))
        spread = f" ({min(seconds):.1f} … {max(seconds):.1f})" if mark == "99.99 %" else ""
        cells += [
            f"{statistics.median(sequences):,.0f}",
            f"{statistics.median(seconds):.1f}{spread}",
        ]
    return [*cells, " · ".join(f"{100 * each['accuracy']:.2f}" for each in trials)]


def solved(trials: Sequence[Trial]) -> str:
    return f"{sum(not failed(each) for each in trials)} of {len(trials)}"


def lengths() -> Table:
    rows = {(row.model, steps_of(row)): KEPT.trials(row) for row in GROUPS["lengths"].rows}
    note = (
        f"At most {SECONDS:.0f} CPU seconds a seed, `schedule=constant lr=0.003`. Seeds that "
        "reached 99.99 %, of those tried, and the median CPU seconds that these took; a memory "
        "that failed is not tried again, and says where it ended."
    )
    return Table(
        GROUPS["lengths"].title,
        ("", *(f"{length} steps" for length in LENGTHS)),
        [
            [f"`{model}`", *(solved_at(rows[model, length]) for length in LENGTHS)]
            for model in MODELS
            if any(rows[model, length] for length in LENGTHS)
        ],
        note,
    )


def solved_at(trials: Sequence[Trial]) -> str:
    if not trials:
        return ""
    passed = [each["passed"]["99.99 %"][1] for each in trials if not failed(each)]
    median = f", {statistics.median(passed):.1f} s" if passed else ""
    ends = [f"{100 * each['accuracy']:.1f} %" for each in trials if failed(each)]
    return ", ".join([solved(trials) + median, *ends])


def scores(group: str) -> Table:
    """Each training and its test accuracy in percent."""
    rows = []
    for row in GROUPS[group].rows:
        if not (trials := KEPT.trials(row)):
            continue
        found = [100 * each["figures"]["test accuracy"]["value"] for each in trials]
        seconds = [each["cpu seconds"] for each in trials]
        rows.append(
            [
                f"`{row.words}`",
                f"{trials[0]['parameters']:,}",
                " · ".join(f"{value:.2f}" for value in found),
                f"{statistics.median(seconds):.0f}",
            ]
        )
    headers = ("`rockfall train …`", "parameters", "by seed", "CPU s")
    return Table(GROUPS[group].title, headers, rows, GROUPS[group].goal)


def by_length(group: str, figure: str) -> Table:
    """A row a model, a column a length."""
    cells: dict[str, list[str]] = {}
    for row in GROUPS[group].rows:
        values = [each["figures"][figure]["value"] for each in KEPT.trials(row)]
        seconds = [f"{each['cpu seconds']:.0f} s" for each in KEPT.trials(row)]
        told = [f"{100 * v:.1f}" if figure == "test accuracy" else f"{v:.2g}" for v in values]
        cells.setdefault(row.model, []).append(" · ".join(told + seconds))
    rows = [[f"`{model}`", *each] for model, each in cells.items() if any(each)]
    headers = ("", *(f"{steps:,} steps" for steps in TIMES))
    return Table(GROUPS[group].title, headers, rows, GROUPS[group].goal)


def characters() -> Table:
    """Bits a character, by windows and with the state carried from one to the next."""
    figure = "test bits a symbol"
    found: dict[str, list[Any]] = {}
    baselines: dict[str, float] = {}
    for row in GROUPS["text"].rows:
        trials = KEPT.trials(row)
        for each in trials:
            baselines |= each["figures"][figure]["baselines"]
        seconds = [each["cpu seconds"] for each in trials]
        cells = found.setdefault(row.model, [f"{t['parameters']:,}" for t in trials[:1]] or [""])
        cells += [
            " · ".join(f"{each['figures'][figure]['value']:.3f}" for each in trials),
            f"{statistics.median(seconds):.0f}" if seconds else "",
        ]
    beside = ", ".join(f"{name} {value:.3f}" for name, value in baselines.items())
    return Table(
        GROUPS["text"].title,
        ("", "parameters", "bits a character", "CPU s", "`stateful=true`", "CPU s"),
        [
            [f"`{model}`", *cells, *[""] * (5 - len(cells))]
            for model, cells in found.items()
            if any(cells)
        ],
        f"The source `text`, by seed; beside: {beside}.",
    )


if __name__ == "__main__":
    script(
        __doc__,
        measure,
        origin=lambda: KEPT.origin("sequence_tables"),
        only="",
        model="",
        known=False,
        seeds=5,
    )
