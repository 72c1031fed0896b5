"""Distracted sequence recall: what every memory needs to solve it, at each length.

Each model learns with its defaults until 99.99 % of what 10,000 held-out sequences ask for is
right, or its epochs or `--seconds` are over. It is measured after each epoch, off the clock. What
was measured is kept in `sequence_tables.json`, with its date and machine, so that the tables can be
measured in parts: `--only gru,lstm`, `--lengths 22,44`, `--known` measures none, and every call
writes all that is known. `original` is SimpleLSTM by its original rule.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch

import rockfall
from rockfall import Batch, Run
from rockfall.kit.files import read_json, write_json
from rockfall.kit.randomness import seed_everything
from rockfall.registry import registry
from rockfall_sequences.distracted_recall import distracted_recall
from rockfall_sequences.sequence_model import accuracy, in_parts
from tests.benchmarks.report import Table, hardware, script

KEPT = Path(__file__).with_name("sequence_tables.json")
MODELS = ("rnn", "lstm", "gru", "simple-lstm", "mingru", "minlstm", "lru", "transformer")
MARKS = {"99 %": 0.99, "99.99 %": 0.9999}
LENGTHS = (22, 44, 88, 176)
HEADERS = (
    "",
    "parameters",
    "solved",
    "sequences to 99 %",
    "CPU s",
    "to 99.99 %",
    "CPU s",
    "ends at",
)
NOTE = (
    "22 steps before the two queries, defaults, one thread. Sequences and CPU seconds are medians "
    "of the seeds that came so far; those of 99.99 % with the least and the most. `original` is "
    "`simple-lstm` by the rule of 2012, which learns one sequence at a time."
)
Trial = dict[str, Any]


class Over(Exception):
    """It is solved, or its time is up."""


def trial(name: str, length: int, seed: int, seconds: float) -> Trial:
    """One training: sequences and CPU seconds at which each mark was first passed."""
    data = distracted_recall(length=length)
    original = name == "original"
    kind = registry().models.find("simple-lstm" if original else name).spec.load()
    settings = kind.presets["original"] if original else {}
    seed_everything(seed)
    model = kind(kind.Config(**settings), data.info)
    run = Run.unrecorded(model, data.info, seed=seed, device="cpu", threads=1)
    found: Trial = {
        "parameters": sum(values.numel() for values in model.parameters()),
        "passed": {},
    }
    clock = Clock()

    def look(_: rockfall.Split) -> dict[str, torch.Tensor]:
        spent = clock.stop()
        right = measured(model, data.test[:])
        for mark, least in MARKS.items():
            if right >= least:
                found["passed"].setdefault(mark, [run.examples, round(spent, 2)])
        found.update(accuracy=right, sequences=run.examples, seconds=round(spent, 2))
        if right >= max(MARKS.values()) or spent > seconds:
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


def measure(options: argparse.Namespace) -> list[Table]:
    kept = read_json(KEPT) if KEPT.exists() else {}
    names = () if options.known else options.only.split(",") if options.only else MODELS
    for length in map(int, options.lengths.split(",")):
        for name in names:
            trials = []
            for seed in range(options.seeds):
                trials.append(trial(name, length, seed, options.seconds))
                print(f"{name}, {length} steps, seed {seed}: {trials[-1]}", file=sys.stderr)
            kept[f"{name}, {length}"] = {
                "trials": trials,
                "date": datetime.date.today().isoformat(),
                "hardware": hardware(),
            }
            write_json(KEPT, kept)
    rows = [
        row(name, kept[f"{name}, 22"]["trials"])
        for name in (*MODELS, "original")
        if f"{name}, 22" in kept
    ]
    longer = [
        [f"`{name}`", *(solved_at(kept.get(f"{name}, {length}")) for length in LENGTHS)]
        for name in MODELS
        if any(f"{name}, {length}" in kept for length in LENGTHS[1:])
    ]
    tables = [Table("Distracted sequence recall", HEADERS, rows, NOTE)]
    if longer:
        headers = ("", *(f"{length} steps" for length in LENGTHS))
        note = "Seeds that solved it (99.99 %), and the median CPU seconds that these took."
        tables.append(Table("Distracted sequence recall, longer", headers, longer, note))
    return tables


def row(name: str, trials: list[Trial]) -> list[Any]:
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
    ends = " · ".join(f"{100 * each['accuracy']:.2f}" for each in trials)
    return [*cells, f"{ends} %"]


def solved(trials: list[Trial]) -> str:
    return f"{sum('99.99 %' in each['passed'] for each in trials)} of {len(trials)}"


def solved_at(measured: dict[str, Any] | None) -> str:
    if measured is None:
        return ""
    passed = [t["passed"]["99.99 %"][1] for t in measured["trials"] if "99.99 %" in t["passed"]]
    median = f", {statistics.median(passed):.1f} s" if passed else ""
    return solved(measured["trials"]) + median


def origin() -> str:
    """When and where the rows were measured, those of one day and machine together."""
    groups: dict[str, list[str]] = {}
    for name, found in (read_json(KEPT) if KEPT.exists() else {}).items():
        groups.setdefault(f"{found['date']}, {found['hardware']}", []).append(name)
    lines = [f"- {when}: {'; '.join(names)}" for when, names in sorted(groups.items())]
    how = "Measured by `python -m tests.benchmarks.sequence_tables --write --only MODEL,MODEL,…`:"
    return "\n".join([how, "", *lines])


if __name__ == "__main__":
    script(
        __doc__, measure, origin=origin, only="", lengths="22", known=False, seeds=5, seconds=60.0
    )
