"""What a sweep was asked to do: `sweep.json`, by which the same command goes on with it."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from rockfall import RockfallError, UsageError
from rockfall.kit.files import read_json, write_json
from rockfall.plugin import registry

FORMAT = 1
FILE = "sweep.json"
JOURNAL = "journal.log"
WINNER = "winner.json"
SETTINGS = "settings.json"
SAMPLERS = ("tpe", "random", "grid", "cmaes")
PRUNERS = ("median", "halving", "hyperband", "none")


@dataclass(frozen=True, kw_only=True)
class Request:
    """model, source: by name. source_options, preset, settings: what all trials have in common, as
    typed. space: setting → the text of its range or list.

    metric: what a trial is judged by; `-` before it, if the lowest is the best.
    seeds: runs of each setting, with the seeds `seed`, `seed + 1`, …; `seed` decides what is
        proposed, too.
    storage: where Optuna's journal is, a URL; empty: beside the runs.
    """

    model: str
    source: str
    source_options: dict[str, Any] = field(default_factory=dict)
    preset: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    space: dict[str, str]
    metric: str
    sampler: str = "tpe"
    pruner: str = "median"
    seeds: int = 1
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    threads: int = 1
    deterministic: bool = False
    storage: str = ""
    format: int = FORMAT

    @property
    def name(self) -> str:
        """Of the metric, without its sign."""
        return self.metric.removeprefix("-")

    @property
    def lowest(self) -> bool:
        return self.metric.startswith("-")

    def better(self) -> str:
        return "lower" if self.lowest else "higher"

    def run_name(self, trial: int, seed: int) -> str:
        """seed: the number of it, from 0."""
        return f"trial-{trial}" + (f"-seed-{self.seed + seed}" if self.seeds > 1 else "")

    def settings_of(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """All settings of a trial."""
        return {**self.settings, **parameters}

    def command(self, parameters: Mapping[str, Any]) -> str:
        """What trains a model with these settings, to copy."""
        pairs = [f"{key}={value}" for key, value in self.settings_of(parameters).items()]
        pairs += [f"source.{key}={value}" for key, value in self.source_options.items()]
        preset = ["--preset", self.preset] if self.preset else []
        entry = registry().models.get(self.model)
        model = registry().models.shown_name(entry) if entry else self.model
        return shlex.join(["rockfall", "train", model, self.source, *pairs, *preset])

    def write(self, folder: Path) -> None:
        write_json(folder / FILE, dataclasses.asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Raises RockfallError for a file that is damaged or of another version."""
        data = read_json(folder / FILE)
        names = {each.name for each in dataclasses.fields(cls)}
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise RockfallError(f"{folder / FILE} is not of this version of rockfall-sweeps")
        try:
            found = cls(**data)
            usual = cls(model="", source="", space={}, metric="")
            for name in names - {"preset"}:
                value = getattr(found, name)
                if type(value) is not type(getattr(usual, name)):
                    raise TypeError(f"{name} is {value!r:.40}")
        except TypeError as error:
            raise RockfallError(f"{folder / FILE} is damaged: {error}") from None
        return found

    def require_same(self, other: Request, folder: Path) -> None:
        """Raise UsageError if what lies there was asked to do something else, saying what."""
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        for name, value in mine.items():
            if theirs[name] != value:
                raise UsageError(
                    f"{folder.name} is another sweep, with {name} {_said(theirs[name])} and not "
                    f"{_said(value)}: choose another --name"
                )


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={each}" for key, each in value.items()) or "none"
    return str(value) if value not in ("", None) else "none"
