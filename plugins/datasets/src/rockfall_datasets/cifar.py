"""The binary version of CIFAR-10 and CIFAR-100: files of records, in an archive.

A record is its labels, a byte each, and 3,072 bytes of a picture: its red, green and blue planes
of 32 × 32, row by row (Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images;
the format is on www.cs.toronto.edu/~kriz/cifar.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rockfall import Dataset, RockfallError
from rockfall.kit.downloads import Remote, data_folder, exclusive, fetch
from rockfall_datasets.archive import extract
from rockfall_datasets.official import check_labels, with_validation

SHAPE = 3, 32, 32
PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class Published:
    """A dataset as its authors publish it.

    folder: of the files inside the archive. train, test: file name → number of records.
    labels: number of classes of each label byte of a record, of which the last is the target.
    """

    name: str
    archive: Remote
    folder: str
    train: dict[str, int]
    test: dict[str, int]
    labels: tuple[int, ...]
    classes: tuple[str, ...]

    def files(self) -> dict[str, int]:
        """Name of each file in the archive → its size in bytes."""
        record = len(self.labels) + PIXELS
        return {f"{self.folder}/{f}": n * record for f, n in (self.train | self.test).items()}


def open_cifar(published: Published, validation: int, seed: int) -> Dataset:
    """The dataset, downloaded if it is not in the data folder.

    Raises Unavailable if no mirror has it, RockfallError for damaged files, and UsageError if
    `validation` is too large.
    """
    base = data_folder() / published.name
    _prepare(published, base)
    train, test = (
        _read(base / published.folder, files, published.labels)
        for files in (published.train, published.test)
    )
    return with_validation(
        published.name, train, test, published.classes, validation=validation, seed=seed
    )


def read_records(
    path: Path, count: int, labels: tuple[int, ...]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Pictures (count, 3072) and the last label of each record (count,), both uint8.

    labels: number of classes of each of a record's label bytes. Raises RockfallError, naming the
    file, unless it holds exactly `count` records whose labels are in range.
    """
    width = len(labels) + PIXELS
    try:
        size = path.stat().st_size
        if size != count * width:
            raise RockfallError(
                f"{path} has {size:,} bytes, but {count:,} records have {count * width:,}; "
                f"delete it and it is downloaded again"
            )
        records = np.fromfile(path, np.uint8).reshape(count, width)
    except OSError as error:
        raise RockfallError(f"can't read {path}: {error.strerror}") from error
    for column, classes in enumerate(labels):
        check_labels(records[:, column], classes, path)
    return records[:, len(labels) :], records[:, len(labels) - 1]


def _prepare(published: Published, base: Path) -> None:
    files = published.files()

    def complete() -> bool:
        return all((base / file).exists() for file in files)

    if complete():
        return
    with exclusive(base / published.folder):
        if complete():
            return
        by_user = (base / published.archive.name).exists()
        archive = fetch(published.archive, base)
        extract(archive, files, base)
        if not by_user:
            archive.unlink()


def _read(folder: Path, files: dict[str, int], labels: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Pictures (N, 3, 32, 32) and targets (N,), both uint8, of all files in order."""
    total = sum(files.values())
    inputs = torch.empty(total, *SHAPE, dtype=torch.uint8)
    targets = torch.empty(total, dtype=torch.uint8)
    start = 0
    for name, count in files.items():
        pixels, numbers = read_records(folder / name, count, labels)
        rows = slice(start, start + count)
        inputs[rows] = torch.from_numpy(pixels).view(count, *SHAPE)
        targets[rows] = torch.from_numpy(numbers)
        start += count
    return inputs, targets
