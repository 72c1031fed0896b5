"""Tables that take hours, measured in parts: each training is kept as JSON, seed by seed.

A row is `rockfall train MODEL SOURCE …` over some seeds. Each trial is written down with its date
and machine as soon as it is done, seeds that are known are not measured again, and a row whose
settings have changed since is measured anew or not shown.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import rockfall
from rockfall.building import build_config
from rockfall.config import to_text
from rockfall.errors import RockfallError, did_you_mean
from rockfall.kit.files import read_json, write_json
from rockfall.registry import registry
from tests.benchmarks.report import hardware

Trial = dict[str, Any]
Measured = dict[str, Any]
"""What is kept of a row: all its settings (`config`), and the `trials`, one a seed."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One training. seeds: how many are measured, from 0 on."""

    model: str
    source: str
    settings: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    preset: str | None = None
    seeds: int = 5

    @property
    def words(self) -> str:
        """What follows `rockfall train`; a row's name too."""
        options = {f"source.{name}": value for name, value in self.options.items()}
        given = {**self.settings, **options}.items()
        preset = [f"--preset {self.preset}"] if self.preset else []
        parts = (f"{name}={to_text(value)}" for name, value in given)
        return " ".join([self.model, self.source, *parts, *preset])

    @cached_property
    def config(self) -> dict[str, Any]:
        """All its settings, as they are now."""
        kind = registry().models.find(self.model).spec.load()
        config = build_config(kind, self.model, self.source, self.preset, self.settings)
        return config.model_dump(mode="json")


@dataclass(frozen=True, kw_only=True)
class Group:
    """A table. goal: what its scores are measured against."""

    title: str
    goal: str = ""
    rows: list[Row]


class Kept:
    """What was measured of some groups of rows, in a file."""

    def __init__(self, path: Path, groups: Mapping[str, Group]) -> None:
        self.path, self.groups = path, groups
        self.rows = {row.words: row for group in groups.values() for row in group.rows}

    def known(self) -> dict[str, Measured]:
        """What was measured of rows that are still the same, but for settings that are new."""
        kept = read_json(self.path) if self.path.exists() else {}
        return {
            words: measured
            for words, measured in kept.items()
            if words in self.rows and measured["config"].items() <= self.rows[words].config.items()
        }

    def trials(self, row: Row) -> list[Trial]:
        """Of a row, those that are known."""
        found: list[Trial] = self.known().get(row.words, {"trials": []})["trials"]
        return found

    def chosen(self, options: argparse.Namespace) -> list[Row]:
        """The rows of `--only TABLE,TABLE`, or of all; none of `--known`. An unknown table ends the
        script.
        """
        if options.known:
            return []
        names = options.only.split(",") if options.only else list(self.groups)
        for name in names:
            if name not in self.groups:
                hint = did_you_mean(name, self.groups) or f": {', '.join(self.groups)}"
                raise SystemExit(f"no table {name}{hint}")
        return [row for name in names for row in self.groups[name].rows]

    def measure(
        self,
        rows: list[Row],
        seeds: int,
        trial: Callable[[Row, int], Trial],
        shown: Callable[[Trial], str],
        hopeless: Callable[[Row], bool] = lambda row: False,
    ) -> None:
        """Measure what is not known of the first seeds of these rows, but of one that is hopeless,
        and tell each as it comes.
        """
        for row in rows:
            try:
                rockfall.open_source(row.source, row.options)
            except RockfallError as error:
                tell(f"{row.words} is skipped: {error}")
                continue
            for seed in range(min(seeds, row.seeds)):
                if seed in {each["seed"] for each in self.trials(row)} or hopeless(row):
                    continue
                found = {
                    "seed": seed,
                    **trial(row, seed),
                    "date": datetime.date.today().isoformat(),
                    "hardware": hardware(),
                }
                self.add(row, found)
                tell(f"{row.words}, seed {seed}: {shown(found)} in {found['cpu seconds']:.0f} s")

    def add(self, row: Row, found: Trial) -> None:
        known = self.known()  # read anew: another process may have measured another part
        trials = sorted([*self.trials(row), found], key=lambda each: int(each["seed"]))
        config = known.get(row.words, {"config": row.config})["config"]
        write_json(self.path, {**known, row.words: {"config": config, "trials": trials}})

    def origin(self, command: str) -> str:
        """How, when and where it was measured."""
        trials = [each for measured in self.known().values() for each in measured["trials"]]
        when = sorted({f"{each['date']}, {each['hardware']}" for each in trials})
        how = f"Measured by `python -m tests.benchmarks.{command} --write`"
        return f"{how}, part by part: {'; '.join(when)}. Other work ran on the machine."


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
