"""A folder of your own pictures, with a subfolder for each class."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import torch
from pydantic import Field
from torch import Tensor

from rockfall import Dataset, Split
from rockfall.kit import pictures
from rockfall.kit.memory import check_room
from rockfall.kit.preparation import Preparation, prepare
from rockfall.kit.progress import counted
from rockfall.plugin import Seed, open_with
from rockfall_datasets.folder_cache import decoded
from rockfall_datasets.folder_layout import find_pictures

MAX_SIZE = 512
"""A thousand pictures of this height and width in colour take 0.8 GB of memory."""
DEFAULT_SIZE = 32
"""Height and width of CIFAR's photographs, which every small network takes; quick to learn from."""
MAX_OWN_SIZE = 64
"""Pictures that are all of one size, and no larger than this, keep it."""
DRAWN = (5 / 7, 5 / 7)
"""Shares of height and width that a drawing takes: MNIST's digits are 20 pixels in 28."""
TEST, VALIDATION = 0.2, 0.1
"""Fractions that are held out where the folder has no such split."""
THREADS = min(8, os.cpu_count() or 1)
"""Pillow decodes without holding the GIL; a picture of 64 Mpixel takes half a gigabyte."""

AHEAD = 8 * THREADS
"""Pictures that are handed to the threads before the first of them is taken."""

Colour = Literal["auto", True, False]
Fit = Literal["pad", "ink"]
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
        Field(
            ge=1,
            le=MAX_SIZE,
            description="height and width in pixels; none: 32, or the pictures' own if alike",
        ),
    ] = None,
    colour: Annotated[
        Colour,
        Field(
            description="three channels (true) or one (false); auto: one if all pictures are grey"
        ),
    ] = "auto",
    fit: Annotated[
        Fit,
        Field(
            description="pad: pictures are kept whole, on the colour of their border; ink: what is "
            "drawn on them is cropped, and is light on dark, as MNIST's digits are"
        ),
    ] = "pad",
    seed: Seed = 0,
) -> Dataset:
    """PNG, JPEG and WebP pictures (C, H, W), labelled by the folder that each lies in.

    `train/`, `test/` and `validation/` are the splits of their names. Without the latter two, 20 %
    of every class are held out for test and 10 % of the rest for validation, drawn with
    `source.seed`. Pictures in the folder itself, without class folders, have no labels.

    Without `source.size`, pictures that are all of one size of at most 64 × 64 keep it, and others
    are resized to 32 × 32. One that is not square is padded to a square of the median colour of its
    border, not cropped, since its subject may lie at the edge; `rockfall classify` does the same.
    What takes over a second to read is kept decoded, until a picture changes, comes or goes.
    Raises UsageError for a file that can't be read, and for a class of too few pictures.
    """
    found = find_pictures(path)
    files = [file for files in found.files.values() for file in files]
    options = size, colour, fit
    inputs = decoded(path, files, options, lambda: _decode(path, files, *options))
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
    _, channels, height, width = inputs.shape
    how = _preparation((height, width), channels, fit)
    return Dataset(str(path), splits, kinds=kinds, classes=found.classes, preparation=how)


def _preparation(size: tuple[int, int], channels: int, fit: Fit) -> Preparation:
    share = DRAWN if fit == "ink" else None
    return Preparation(size=size, channels=1 if channels == 1 else 3, fit=fit, share=share)


def _decode(
    path: Path, files: Sequence[Path], size: int | None, colour: Colour, fit: Fit
) -> Tensor:
    """The pictures (N, C, H, W) uint8; C is 1 if all are grey or are to be, and else 3."""
    with pictures.quietly():
        target = _size(files, size)
        check_room(str(path), len(files), (3, *target))
        inputs = torch.empty((len(files), 3 if colour is True else 1, *target), dtype=torch.uint8)
        how = _preparation(target, 1 if colour is False else 3, fit)
        read = _map_threads(partial(_read, how), files, "reading pictures")
        for index, picture in enumerate(read):
            grey = picture[:1]
            if inputs.shape[1] == 1 and not torch.equal(picture, grey.expand_as(picture)):
                # The first with a colour: until then all were kept in a third of the memory.
                inputs = inputs.repeat(1, 3, 1, 1)
            inputs[index] = picture if inputs.shape[1] == 3 else grey
    return inputs


def _read(how: Preparation, file: Path) -> Tensor:
    return prepare(pictures.decode(file).image, how).pixels


def _size(files: Sequence[Path], asked: int | None) -> tuple[int, int]:
    """(height, width) of the dataset's pictures. Reads every header before any file is decoded."""
    sides = set(_map_threads(pictures.sides, files, "reading sizes of pictures"))
    if asked is not None:
        return asked, asked
    if len(sides) == 1:
        (own,) = sides
        if max(own) <= MAX_OWN_SIZE:
            return own
    return DEFAULT_SIZE, DEFAULT_SIZE


def _map_threads(function: Callable[[Path], T], files: Sequence[Path], what: str) -> Iterator[T]:
    """`map` in a pool of threads, with progress; an error cancels the rest.

    A bounded number is under way at a time, since what waits takes more memory than small pictures.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        under_way = deque(pool.submit(function, file) for file in files[:AHEAD])
        further = iter(files[AHEAD:])

        def results() -> Iterator[T]:
            while under_way:
                yield under_way.popleft().result()
                under_way.extend(pool.submit(function, file) for file in islice(further, 1))

        try:
            yield from counted(results(), len(files), what)
        finally:
            pool.shutdown(cancel_futures=True)


def _hold_out(split: Split, fraction: float, seed: int) -> tuple[Split, Split]:
    """Stratified: (kept, held out), the same fraction of every class, at least one example."""
    generator = torch.Generator().manual_seed(seed)
    held = torch.zeros(len(split), dtype=torch.bool)
    for label in split.labels.unique():
        own: Tensor = (split.labels == label).nonzero().flatten()
        drawn = torch.randperm(len(own), generator=generator)
        held[own[drawn[: max(1, round(fraction * len(own)))]]] = True
    return Split(*split[~held]), Split(*split[held])
