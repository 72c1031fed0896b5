"""A dataset as `rockfall show` tells of it: numbers, and a sheet of examples."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from rockfall import pictures
from rockfall.display import points
from rockfall.display.sheets import are_pictures, in_rows, require_pictures, sheet
from rockfall.errors import UsageError
from rockfall.registry import registry
from rockfall.sources import Source
from rockfall.sources.dataset import Dataset

EXAMPLES, MOST_CLASSES = 12, 20
"""Columns and rows of a labelled sheet; without labels it is a square of EXAMPLES."""


class DatasetPage:
    """What is in a dataset, as it was opened. Raises UsageError for a source that is none."""

    def __init__(self, name: str, source: Source, asked: Sequence[str] = ()) -> None:
        """asked: the `source.key=value` words that it was opened with."""
        if not isinstance(source, Dataset):
            raise UsageError(f"{name} is no dataset to show: `rockfall info {name}`")
        self.name, self.asked = name, asked
        self.dataset, self.info = source, source.info
        entry = registry().datasets.get(name)
        self.spec = entry.spec if entry else None

    def data(self) -> dict[str, Any]:
        return {
            **self.info.to_json(),
            "summary": self.spec.summary if self.spec else "",
            "licence": self.spec.licence if self.spec else "",
            "reference": self.spec.reference if self.spec else "",
        }

    def lines(self) -> list[str]:
        info, spec = self.info, self.spec
        sizes = ", ".join(f"{size:,} {split}" for split, size in info.sizes.items())
        values = f", {info.low:g} to {info.high:g}" if info.low is not None else ""
        lines = [
            f"{info.name}: {spec.summary}" if spec else info.name,
            f"examples: {sizes}",
            f"each: {' × '.join(map(str, info.shape))} {info.dtype}{values}",
        ]
        if info.classes:
            lines.append(f"{len(info.classes)} classes: {_listed(info.classes)}")
        if spec and spec.licence:
            lines.append(f"licence: {spec.licence}")
        if spec and spec.reference:
            lines.append(f"from: {spec.reference}")
        return lines

    def draw(self, out: Path | None) -> Path | None:
        """Write a sheet of examples, a row a class, or a chart of points; None for neither."""
        file = out or Path(f"{Path(self.info.name).stem}.png")
        if points.can_draw(self.info.shape, self.info.dtype):
            train = self.dataset.train
            chart = points.draw(self.info.name, train.inputs, train.labels, self.info.classes)
            return pictures.save(file, chart)
        if out:
            require_pictures(f"{self.name}'s examples", self.info.shape, self.info.dtype)
        elif not are_pictures(self.info.shape, self.info.dtype):
            return None
        rows = self._rows() or in_rows(self.dataset.train.inputs[: EXAMPLES**2])
        return pictures.save(file, sheet(rows))

    @property
    def next(self) -> str:
        models = registry().models
        fitting = [
            models.shown_name(e) for e in models if set(e.spec.learns_from) & set(self.info.kinds)
        ]
        verb = f"train {fitting[0]}" if fitting else "info"
        return f"rockfall {verb} {shlex.join((self.name, *self.asked))}"

    def _rows(self) -> list[tuple[str, Tensor]]:
        train = self.dataset.train
        shown = [
            (name, train.inputs[train.labels == label][:EXAMPLES])
            for label, name in enumerate(self.info.classes[:MOST_CLASSES])
        ]
        return [(name, examples) for name, examples in shown if len(examples)]


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - MOST_CLASSES
    return ", ".join(names[:MOST_CLASSES]) + (f" and {more} more" if more > 0 else "")
