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
import statistics
from pathlib import Path
from typing import Any

from tests.benchmarks.agent_rows import GROUPS
from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.kept_trials import Group, Kept, Row, Trial
from tests.benchmarks.report import Table, script

KEPT = Kept(Path(__file__).with_name("agent_scores.json"), GROUPS)


def trial(row: Row, seed: int) -> Trial:
    """One training: the score's figure, and CPU seconds."""
    _, result, seconds = trained(
        row.model,
        row.source,
        source_options=row.options,
        preset=row.preset,
        config=row.settings,
        seed=seed,
    )
    score = result["figures"]["score"]
    names = ("value", "percent_of_oracle", "times_random")
    found = {name: score[name] for name in names if name in score}
    return {**found, "cpu seconds": round(seconds, 2)}


def chosen(options: argparse.Namespace) -> list[Row]:
    return [row for row in KEPT.chosen(options) if options.agent in ("", row.model)]


def measure(options: argparse.Namespace) -> list[Table]:
    KEPT.measure(chosen(options), options.seeds, trial, shown)
    return [table(group) for group in GROUPS.values()]


def table(group: Group) -> Table:
    rocks = group.goal.startswith("%")
    score = f"{group.goal}, by seed" if rocks else "mean score, by seed"
    headers = ["`rockfall train …`", score, *["× random"] * rocks, "CPU s"]
    rows = []
    for row in group.rows:
        trials = KEPT.trials(row)
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


if __name__ == "__main__":
    script(
        __doc__,
        measure,
        origin=lambda: KEPT.origin("agent_scores"),
        only="",
        agent="",
        known=False,
        seeds=5,
    )
