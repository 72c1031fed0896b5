"""Series of numbers from a CSV file of one's own, of which the next row is asked for.

A row is a step, a column a feature, and the first line may name them. Without `series`, all rows
are one long series, of which eight tenths are learned from in windows, and the next two tenths are
for validation and test. With `series=COLUMN`, rows with the same value there are a series of their
own; shorter ones are filled up to the longest with their last row, which is asked for nowhere, and
whole series are held out. Where a number is missing, nothing is asked for, and the last one before
it, or else 0, goes in.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from rockfall import Split, UsageError
from rockfall.kit.splits import hold_out
from rockfall.plugin import Seed, open_with
from rockfall_sequences.sequences import Sequences, parts_of

SUFFIXES = {".csv": ",", ".tsv": "\t"}
MISSING = ("", "na", "nan", "null", "none", "?")
MOST_ROWS = 5_000_000

Length = Annotated[int, Field(ge=1, le=10_000, description="rows of a window")]
Column = Annotated[
    str, Field(description="the column that says to which series a row belongs; empty: all are one")
]


def open_series(typed: str, options: dict[str, object]) -> Sequences | None:
    """The path of a CSV or TSV file; others are not ours."""
    path = Path(typed).expanduser()
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return None

    def make(length: Length = 32, series: Column = "", seed: Seed = 0) -> Sequences:
        names, rows = read(path)
        if series:
            return of_many(str(path.resolve()), names, rows, series, seed)
        return of_one(str(path.resolve()), names, numbers_of(path, names, rows), length)

    source = open_with(typed, make, options)
    assert isinstance(source, Sequences)
    return source


def read(path: Path) -> tuple[list[str], list[list[str]]]:
    """Names of the columns, and the rows. Raises UsageError for a file that is no table."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, delimiter=SUFFIXES[path.suffix.lower()])
            some = islice(lines, MOST_ROWS + 1)
            rows = [[cell.strip() for cell in row] for row in some if row]
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text in UTF-8: convert it first") from None
    except (OSError, csv.Error) as error:
        raise UsageError(f"{path} can't be read as a table: {error}") from None
    if not rows:
        raise UsageError(f"{path} has no rows")
    if len(rows) > MOST_ROWS:
        raise UsageError(f"{path} has more than {MOST_ROWS:,} rows: cut it")
    named = all(number(cell) is None for cell in rows[0])
    names = rows.pop(0) if named else [f"column {n + 1}" for n in range(len(rows[0]))]
    for place, row in enumerate(rows):
        if len(row) != len(names):
            line = place + 1 + named
            raise UsageError(f"{path}: row {line} has {len(row)} columns, not {len(names)}")
    return names, rows


def number(cell: str) -> float | None:
    """NaN where one is missing, None for what is no number."""
    if cell.lower() in MISSING:
        return math.nan
    try:
        found = float(cell)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def numbers_of(path: Path, names: list[str], rows: list[list[str]]) -> Tensor:
    """(rows, columns) float. Raises UsageError for a column that holds text."""
    read = [[number(cell) for cell in row] for row in rows]
    for column, name in enumerate(names):
        for row, values in zip(rows, read, strict=True):
            if values[column] is None:
                raise UsageError(
                    f"{path}: column {name} holds text, such as {row[column]!r}: leave it out, or "
                    "if it says to which series a row belongs, name it by source.series"
                )
    return torch.tensor(read, dtype=torch.float32)


def of_one(name: str, names: list[str], rows: Tensor, length: int) -> Sequences:
    """Windows of one long series. Raises UsageError for one that is too short."""
    splits, streams = {}, {}
    for key, place in parts_of(name, len(rows), "rows", length).items():
        part = rows[place]
        windows = part.unfold(0, length + 1, max(1, length // 2)).transpose(1, 2)
        splits[key], streams[key] = _split(windows), _split(part[None])
    return _made(name, names, splits, streams)


def of_many(
    name: str, names: list[str], rows: list[list[str]], column: str, seed: int
) -> Sequences:
    """Whole series, some of which are held out. Raises UsageError for fewer than three."""
    if column not in names:
        raise UsageError(f"{name} has no column {column}: {', '.join(names)}")
    place = names.index(column)
    others = [each for each in names if each != column]
    groups: dict[str, list[list[str]]] = {}
    for row in rows:
        groups.setdefault(row[place], []).append(row[:place] + row[place + 1 :])
    series = [numbers_of(Path(name), others, each) for each in groups.values() if len(each) > 1]
    if len(series) < 3:
        raise UsageError(
            f"{name} has {len(series)} series of two rows or more by {column}: it takes three, to "
            "learn from, for validation and for the test"
        )
    longest = max(map(len, series))
    padded = torch.full((len(series), longest, len(others)), torch.nan)
    for each, values in zip(padded, series, strict=True):
        each[: len(values)] = values
    kept, held = hold_out(len(series), max(0.2, 2 / len(series)), seed)
    middle = len(held) // 2
    parts = {"train": kept, "validation": held[:middle], "test": held[middle:]}
    made = _made(name, others, {key: _split(padded[rows]) for key, rows in parts.items()})
    if shorter := sum(len(values) < longest for values in series):
        made.warnings = (
            f"{shorter:,} of {len(series):,} series are shorter than {longest:,} rows, and are "
            "filled up with what is asked for nowhere",
        )
    return made


def _split(rows: Tensor) -> Split:
    """Series (N, T + 1, D) as inputs and the rows after them; where one is missing, the last."""
    given = rows[:, :-1].clone()
    given[:, 0] = given[:, 0].nan_to_num(0.0)
    steps = torch.arange(given.shape[1])[:, None].expand_as(given)
    filled = given.gather(1, steps.where(~given.isnan(), 0).cummax(1).values)
    asked = rows[:, 1:].clone()
    some = (~asked.isnan()).flatten(1).any(1)
    return Split(filled[some], asked[some])


def _made(
    name: str,
    columns: list[str],
    splits: dict[str, Split],
    streams: Mapping[str, Split] = MappingProxyType({}),
) -> Sequences:
    if empty := [key for key, split in splits.items() if not len(split)]:
        raise UsageError(f"{name} has no numbers to predict in {', '.join(empty)}")
    return Sequences(name, splits, columns=columns, is_series=True, streams=streams)
