"""A dataset as `rockfall show` tells of it: numbers, and a sheet of examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from rockfall.kit import pictures
from rockfall.kit.drawing import are_points, draw_points
from rockfall.kit.drawing.sheets import are_pictures, in_rows, require_pictures, sheet
from rockfall.pages.source_page import SourcePage
from rockfall.sources.dataset import Dataset

EXAMPLES, MOST_CLASSES = 12, 20
"""Columns and rows of a labelled sheet; without labels it is a square of EXAMPLES."""


class DatasetPage(SourcePage):
    """What is in a dataset, as it was opened."""

    def __init__(self, name: str, dataset: Dataset, asked: Sequence[str] = ()) -> None:
        super().__init__(name, dataset.info, asked)
        self.dataset = dataset

    def told(self) -> list[str]:
        info = self.info
        sizes = ", ".join(f"{size:,} {split}" for split, size in info.sizes.items())
        values = f", {info.low:g} to {info.high:g}" if info.low is not None else ""
        lines = [
            f"examples: {sizes}",
            f"each: {' × '.join(map(str, info.shape))} {info.dtype}{values}",
        ]
        if info.classes:
            lines.append(f"{len(info.classes)} classes: {_listed(info.classes)}")
        return lines

    def draw(self, out: Path | None) -> Path | None:
        """Write a sheet of examples, a row a class, or a chart of points; None for neither."""
        file = out or Path(f"{Path(self.info.name).stem}.png")
        if are_points(self.info.shape, self.info.dtype):
            train = self.dataset.train
            chart = draw_points(self.info.name, train.inputs, train.labels, self.info.classes)
            return pictures.save(file, chart)
        if out:
            require_pictures(f"{self.name}'s examples", self.info.shape, self.info.dtype)
        elif not are_pictures(self.info.shape, self.info.dtype):
            return None
        rows = self._rows() or in_rows(self.dataset.train.inputs[: EXAMPLES**2])
        return pictures.save(file, sheet(rows))

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
