"""What pages say of a run that is lying in its directory."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from rockfall.config import to_text
from rockfall.kit.drawing import Curve
from rockfall.kit.series import Series
from rockfall.registry import registry
from rockfall.run.directory import RunDirectory
from rockfall.run.logged import series

STEPS = "environment_steps"
COUNTS = ("parameters", "steps", "examples", STEPS, "seconds")
"""What a result says beside its figures."""


class RecordedRun:
    """What a run was, what came out of it, and what it logged."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory, self.name = directory, directory.name
        self.record = directory.record()
        self.result = directory.result() or {}
        self.figures: dict[str, Any] = self.result.get("figures", {})
        self.status = directory.status

    def to_json(self) -> dict[str, Any]:
        return {
            "run": self.name,
            "model": self.record.model_name,
            "source": self.record.source,
            "source_options": self.record.source_options,
            "seed": self.record.seed,
            "status": self.status,
            "config": self.record.config,
            "figures": self.figures,
            **{key: self.result.get(key) for key in COUNTS},
        }

    @property
    def source(self) -> str:
        """The source with its options, as they would be typed."""
        options = self.record.source_options.items()
        return " ".join((self.record.source, *(f"source.{k}={to_text(v)}" for k, v in options)))

    @cached_property
    def changed_settings(self) -> dict[str, str]:
        """The settings that are not the model's defaults; all of them if it is not installed."""
        given = {name: to_text(value) for name, value in self.record.config.items()}
        entry = registry().models.get(self.record.model)
        if entry is None:
            return given
        usual = {setting.name: setting.default for setting in entry.spec.load().Config.described()}
        return {name: value for name, value in given.items() if value != usual.get(name)}

    @cached_property
    def metrics(self) -> dict[str, Series]:
        """Each metric as it was logged, thinned where that was often."""
        return series(self.directory.lines())

    @property
    def axis(self) -> str:
        """Over what its curves are drawn: the steps of its environment, or else its own."""
        everywhere = set.intersection(*(each.axes for each in self.metrics.values()), {STEPS})
        return STEPS if self.metrics and everywhere else "step"

    def curve(self, metric: str, across: str) -> Curve:
        """A metric over one of its axes, by the run's name."""
        return Curve(self.name, self.metrics[metric].points(across))
