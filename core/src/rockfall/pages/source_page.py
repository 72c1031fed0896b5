"""A dataset or a picture as `rockfall show` prints and draws it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rockfall.errors import UsageError
from rockfall.kinds import begin_with, learners
from rockfall.kit import pictures
from rockfall.kit.drawing import (
    are_pictures,
    are_points,
    draw_points,
    in_rows,
    require_pictures,
    sheet,
)
from rockfall.registry import registry
from rockfall.sources.dataset import Dataset
from rockfall.sources.picture import Picture
from rockfall.sources.source import Source

EXAMPLES, MOST_CLASSES = 12, 20
"""Columns and rows of a labelled sheet; without labels it is a square of EXAMPLES."""


class SourcePage:
    """A source as it was opened."""

    def __init__(self, name: str, source: Source, options: Sequence[str] = ()) -> None:
        """options: the `source.key=value` words that it was opened with."""
        if not isinstance(source, Dataset | Picture):
            raise UsageError(f"{name} is no dataset or picture to show: `rockfall info {name}`")
        self.name, self.options, self.source, self.info = name, options, source, source.info
        self.warnings: Sequence[str] = source.warnings
        entry = registry().source(name)
        self.spec: Any = entry and entry.spec

    def to_json(self) -> dict[str, Any]:
        known = {key: getattr(self.spec, key, "") for key in ("summary", "licence", "reference")}
        described = {key: value for key, value in self.info.to_json().items() if key != "digests"}
        return {**described, "counts": self.counts(), **known}

    def counts(self) -> dict[str, int]:
        """How many examples, or targets, there are of each class, in all splits."""
        if not isinstance(self.source, Dataset) or not self.info.classes:
            return {}
        labels = torch.cat([split.labels.flatten() for split in self.source.splits.values()])
        counted = torch.bincount(labels[labels >= 0], minlength=len(self.info.classes)).tolist()
        return dict(zip(self.info.classes, counted, strict=True))

    def lines(self) -> list[str]:
        info = self.info
        lines = [f"{info.name}: {self.spec.summary}" if self.spec else info.name]
        if isinstance(self.source, Picture):
            lines.append(f"{info.shape[2]} × {info.shape[1]} pixels")
        else:
            sizes = ", ".join(f"{size:,} {split}" for split, size in info.sizes.items())
            values = f", {info.low:g} to {info.high:g}" if info.low is not None else ""
            lines.append(f"examples: {sizes}")
            lines.append(f"each: {' × '.join(map(str, info.shape))} {info.dtype}{values}")
        if info.classes:
            more = len(info.classes) - MOST_CLASSES
            names = ", ".join(info.classes[:MOST_CLASSES])
            lines.append(
                f"{len(info.classes)} classes: {names}" + (f" and {more} more" if more > 0 else "")
            )
            counts = list(self.counts().items())[:MOST_CLASSES]
            lines.append(f"of each: {', '.join(f'{count:,} {name}' for name, count in counts)}")
        if self.spec and self.spec.licence:
            lines.append(f"licence: {self.spec.licence}")
        if self.spec and self.spec.reference:
            lines.append(f"from: {self.spec.reference}")
        return lines

    def draw(self, out: Path | None) -> Path | None:
        """Write a picture, a sheet of examples with a row a class, a chart of points, or whatever
        a dataset draws itself.

        None for a picture file, which can be seen already, and for other vectors, unless `out` is
        given. Raises UsageError for vectors if it is.
        """
        info = self.info
        file = out or Path(f"{Path(info.name).stem}.png")
        if isinstance(self.source, Picture):
            return pictures.save(file, self.source.pixels) if out or self.spec else None
        if drawn := self.source.draw():
            return pictures.save(file, drawn)
        train = self.source.train
        if are_points(info.shape, info.dtype):
            return pictures.save(
                file, draw_points(info.name, train.inputs, train.labels, info.classes)
            )
        if out:
            require_pictures(f"{self.name}'s examples", info.shape, info.dtype)
        elif not are_pictures(info.shape, info.dtype):
            return None
        rows: list[tuple[str, Tensor]] = [
            (name, train.inputs[train.labels == label][:EXAMPLES])
            for label, name in enumerate(info.classes[:MOST_CLASSES])
        ]
        rows = [(name, examples) for name, examples in rows if len(examples)]
        return pictures.save(file, sheet(rows or in_rows(train.inputs[: EXAMPLES**2])))

    def picture_lines(self) -> list[str]:
        return []

    @property
    def next(self) -> str:
        wanted = self.source.begin_with if isinstance(self.source, Dataset) else ()
        known = learners(self.info.kinds)
        fitting = [name for name in wanted if name in known] or begin_with(self.info.kinds)
        verb = f"train {fitting[0]}" if fitting else "info"
        return f"rockfall {verb} {shlex.join((self.name, *self.options))}"
