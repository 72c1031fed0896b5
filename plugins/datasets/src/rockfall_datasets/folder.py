"""A folder of your own pictures, a folder a class."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from rockfall.kit import pictures
from rockfall.kit.progress import counted
from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.options import Seed, open_with
from rockfall.sources.selection import LARGEST, check_room
from rockfall_datasets.folder_layout import find_pictures

USUAL_SIZE = 32
"""That of CIFAR's photographs, which every small network takes, and quick to learn from."""
OWN_SIZE = 64
"""Pictures that are all of one size, and no larger than this, keep it."""
TEST, VALIDATION = 0.2, 0.1
THREADS = min(8, os.cpu_count() or 1)
"""Pillow unpacks without holding Python's lock; a picture of 64 Mpixel takes half a gigabyte."""

Colour = Literal["auto", True, False]
T = TypeVar("T")


def open_folder(text: str, options: Mapping[str, Any]) -> Dataset | None:
    """The path of a folder. Raises UsageError, saying why, if no dataset can be made of it."""
    path = Path(os.path.expanduser(text))
    if not os.path.isdir(path):  # unlike Path's, False for what can be no path
        return None
    opened = open_with(text, partial(folder, path.resolve()), options)
    assert isinstance(opened, Dataset)
    return opened


def folder(
    path: Path,
    size: Annotated[
        int | None,
        Field(ge=1, le=LARGEST, description="height and width; none: 32, or the pictures' own"),
    ] = None,
    colour: Annotated[
        Colour, Field(description="true or false (grey); auto: grey if all pictures are")
    ] = "auto",
    seed: Seed = 0,
) -> Dataset:
    """PNG, JPEG and WebP pictures (C, H, W), labelled by the folder that each lies in.

    `train/` and `test/` are used as such, and `validation/` if it is there. Without, 20 % are held
    out for test and 10 % of the rest for validation, drawn from every class by `source.seed`.
    Pictures that lie in the folder itself, without class folders, are not labelled.

    Without `source.size`, pictures that are all of one size of at most 64 × 64 keep it, and others
    are brought to 32 × 32. What is not square is kept whole, in the middle of a square of the
    median colour of its border: `rockfall classify` does the same, and what names a picture may lie
    at its edge. Raises UsageError for what can't be read or is too little to learn from.
    """
    found = find_pictures(path)
    files = [file for files in found.files.values() for file in files]
    with pictures.quietly():
        wanted = _size(files, size)
        check_room(str(path), len(files), (3, *wanted))
        inputs = torch.empty((len(files), 1 if colour is False else 3, *wanted), dtype=torch.uint8)
        read = _in_threads(partial(_read, wanted, colour), files, "reading pictures")
        for picture, pixels in zip(inputs, read, strict=True):
            picture.copy_(torch.from_numpy(pixels).permute(2, 0, 1))
    if colour == "auto" and torch.equal(inputs, inputs[:, :1].expand_as(inputs)):
        inputs = inputs[:, :1].clone()
    labels = torch.tensor([label for labels in found.labels.values() for label in labels])
    counts = [len(files) for files in found.files.values()]
    splits = {
        name: Split(*parts)
        for name, *parts in zip(
            found.files, inputs.split(counts), labels.split(counts), strict=True
        )
    }
    if "test" not in splits:
        splits["train"], splits["test"] = _hold_out(splits["train"], TEST, seed)
    if "validation" not in splits:
        splits["train"], splits["validation"] = _hold_out(splits["train"], VALIDATION, seed)
    splits = {name: splits[name] for name in ("train", "validation", "test")}
    kinds = ("pictures", "labelled-pictures") if found.classes else ("pictures",)
    return Dataset(str(path), splits, kinds=kinds, classes=found.classes)


def _size(files: Sequence[Path], asked: int | None) -> tuple[int, int]:
    """(height, width) of what is learned from. Looks at every file, before any is unpacked."""
    sides = set(_in_threads(pictures.sides, files, "looking at pictures"))
    if asked is not None:
        return asked, asked
    if len(sides) == 1:
        (own,) = sides
        if max(own) <= OWN_SIZE:
            return own
    return USUAL_SIZE, USUAL_SIZE


def _read(size: tuple[int, int], colour: Colour, file: Path) -> np.ndarray:
    """A picture (H, W, C)."""
    image = pictures.read(file)
    if colour is False:
        image = image.convert("L")
    height, width = size
    pixels = np.asarray(pictures.framed(image, (width, height), pictures.border(image)))
    return pixels.reshape(height, width, -1).copy()


def _in_threads(do: Callable[[Path], T], files: Sequence[Path], what: str) -> Iterator[T]:
    pool = ThreadPoolExecutor(THREADS)
    try:
        yield from counted(pool.map(do, files), len(files), what)
    finally:
        pool.shutdown(cancel_futures=True)


def _hold_out(split: Split, fraction: float, seed: int) -> tuple[Split, Split]:
    """(kept, held out), the same share of every class, at least one example of each."""
    generator = torch.Generator().manual_seed(seed)
    held = torch.zeros(len(split), dtype=torch.bool)
    for label in split.labels.unique():
        own: Tensor = (split.labels == label).nonzero().flatten()
        drawn = torch.randperm(len(own), generator=generator)
        held[own[drawn[: max(1, round(fraction * len(own)))]]] = True
    return Split(*split[~held]), Split(*split[held])
