"""What every agent finally reaches: `rockfall train` by its preset, judged as `evaluate` judges.

Each row of `agent_rows` is trained on one thread over some seeds; its CPU seconds are those of the
fitting. What was measured is kept in `agent_scores.json`, seed by seed with its date and machine,
so that the tables can be measured in parts: `--only rocks-16,cartpole` goes on with these,
`--agent pqn` with one agent's, `--seeds 1` with the first seed, `--known` with none, and every call
writes all that is known. Seeds that are known are not measured again. A row whose settings have
changed since is measured anew or not shown.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import sys
from pathlib import Path
from typing import Any

import rockfall
from rockfall.building import build_config
from rockfall.errors import RockfallError, did_you_mean
from rockfall.kit.files import read_json, write_json
from rockfall.registry import registry
from tests.benchmarks.agent_rows import GROUPS, ROWS, Group, Row
from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.report import Table, hardware, script

KEPT = Path(__file__).with_name("agent_scores.json")

Measured = dict[str, Any]
"""What is kept of a row: all its settings (`config`), and the `trials`, one a seed."""


def config_of(row: Row) -> dict[str, Any]:
    """All settings of a row, as they are now."""
    kind = registry().models.find(row.agent).spec.load()
    config = build_config(kind, row.agent, row.source, None, row.settings)
    return config.model_dump(mode="json")


def trial(row: Row, seed: int) -> dict[str, Any]:
    """One training: the score's figure, and CPU seconds."""
    _, result, seconds = trained(
        row.agent, row.source, source_options=row.options, config=row.settings, seed=seed
    )
    score = result["figures"]["score"]
    found = {name: score[name] for name in ("value", "percent_of_oracle", "times_random")
             if name in score}  # fmt: skip
    return {
        "seed": seed,
        **found,
        "cpu seconds": round(seconds, 2),
        "date": datetime.date.today().isoformat(),
        "hardware": hardware(),
    }


def known() -> dict[str, Measured]:
    """What was measured of rows that are still the same, but for settings that are new."""
    kept = read_json(KEPT) if KEPT.exists() else {}
    return {
        words: measured
        for words, measured in kept.items()
        if words in ROWS and measured["config"].items() <= config_of(ROWS[words]).items()
    }


def chosen(options: argparse.Namespace) -> list[Row]:
    """The rows that were asked for; an unknown table ends the script."""
    if options.known:
        return []
    names = options.only.split(",") if options.only else list(GROUPS)
    for name in names:
        if name not in GROUPS:
            hint = did_you_mean(name, GROUPS) or f": {', '.join(GROUPS)}"
            raise SystemExit(f"no table {name}{hint}")
    rows = [row for name in names for row in GROUPS[name].rows]
    return [row for row in rows if options.agent in ("", row.agent)]


def measure(options: argparse.Namespace) -> list[Table]:
    for row in chosen(options):
        try:
            rockfall.open_source(row.source, row.options)
        except RockfallError as error:
            tell(f"{row.words} is skipped: {error}")
            continue
        for seed in range(min(options.seeds, row.seeds)):
            measured = known().get(row.words, {"config": config_of(row), "trials": []})
            if seed in {each["seed"] for each in measured["trials"]}:
                continue
            found = trial(row, seed)
            trials = sorted([*measured["trials"], found], key=lambda each: int(each["seed"]))
            write_json(KEPT, {**known(), row.words: {**measured, "trials": trials}})
            tell(f"{row.words}, seed {seed}: {shown(found)} in {found['cpu seconds']:.0f} s")
    found = known()
    return [table(group, found) for group in GROUPS.values()]


def table(group: Group, found: dict[str, Measured]) -> Table:
    rocks = group.goal.startswith("%")
    score = f"{group.goal}, by seed" if rocks else "mean score, by seed"
    headers = ["`rockfall train …`", score, *["× random"] * rocks, "CPU s"]
    rows = []
    for row in group.rows:
        trials = found.get(row.words, {"trials": []})["trials"]
        cells: list[Any] = [f"`{row.words}`", " · ".join(map(shown, trials)) or "not measured"]
        if rocks:
            times = [each["times_random"] for each in trials if "times_random" in each]
            cells.append(statistics.mean(times) if times else "")
        seconds = [each["cpu seconds"] for each in trials]
        rows.append([*cells, f"{statistics.mean(seconds):.0f}" if seconds else ""])
    return Table(group.title, headers, rows, "" if rocks else f"{group.goal}." * bool(group.goal))


def shown(found: dict[str, Any]) -> str:
    """A trial's score: as a share of the oracle's, where there is one."""
    if "percent_of_oracle" in found:
        return f"{found['percent_of_oracle']:.1f}"
    value = found["value"]
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def origin() -> str:
    """When and where it was measured."""
    trials = [each for measured in known().values() for each in measured["trials"]]
    when = sorted({f"{each['date']}, {each['hardware']}" for each in trials})
    how = "Measured by `python -m tests.benchmarks.agent_scores --write`"
    return f"{how}, part by part: {'; '.join(when)}. Other work ran on the machine."


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    script(__doc__, measure, origin=origin, only="", agent="", known=False, seeds=5)
