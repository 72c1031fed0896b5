"""What people want to know of a run that is lying in its directory."""

from __future__ import annotations

from typing import Any

from rockfall.config import settings, to_text
from rockfall.registry import registry
from rockfall.run.directory import Record, RunDirectory
from rockfall.run.observers import NOT_METRICS

Columns = dict[str, list[tuple[dict[str, Any], float]]]
"""Metric → its values, each with the whole line that it was logged in."""


def unusual_settings(record: Record) -> dict[str, str]:
    """The settings that are not the model's defaults; all of them if it is not installed."""
    given = {name: to_text(value) for name, value in record.config.items()}
    entry = registry().models.get(record.model)
    if entry is None:
        return given
    usual = {setting.name: setting.default for setting in settings(entry.spec.load().Config)}
    return {name: value for name, value in given.items() if value != usual.get(name)}


def logged(directory: RunDirectory) -> Columns:
    """Every metric, in the order in which they first appear."""
    columns: Columns = {}
    for line in directory.logged():
        for name, value in line.items():
            if name not in NOT_METRICS:
                columns.setdefault(name, []).append((line, value))
    return columns


def source_name(record: Record) -> str:
    """The source with its options, as they would be typed."""
    options = (f"source.{name}={to_text(value)}" for name, value in record.source_options.items())
    return " ".join((record.source, *options))
