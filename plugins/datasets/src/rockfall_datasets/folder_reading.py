"""The pictures of a folder, read by many threads: pixels, digests, and what is wrong with some."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import torch
from torch import Tensor

from rockfall import UsageError
from rockfall.kit import pictures
from rockfall.kit.memory import check_room
from rockfall.kit.preparation import Preparation, prepare
from rockfall.kit.progress import counted

DEFAULT_SIZE = 32
"""Height and width of CIFAR's photographs, which every small network takes; quick to learn from."""
MAX_OWN_SIZE = 64
"""Pictures that are all of one size, and no larger than this, keep it."""
DRAWN = (5 / 7, 5 / 7)
"""Shares of height and width that a drawing takes: MNIST's digits are 20 pixels in 28."""
THREADS = min(8, os.cpu_count() or 1)
"""Pillow decodes without holding the GIL; a picture of 64 Mpixel takes half a gigabyte."""
AHEAD = 8 * THREADS
"""Pictures that are handed to the threads before the first of them is taken."""

Colour = Literal["auto", True, False]
Fit = Literal["pad", "ink"]
T = TypeVar("T")


@dataclass(frozen=True)
class Read:
    """inputs: (N, C, H, W) uint8 of those that could be read; C is 1 if all are grey or are to be,
    and else 3. digests: (N,) int64 of their content. damaged: why the others could not, by their
    place among all files. notes: what is to be said of a file, by its place.
    """

    inputs: Tensor
    digests: Tensor
    damaged: dict[int, str]
    notes: dict[int, str]


class _Picture(NamedTuple):
    """pixels: (C, H, W) uint8. note: what was left out of it, in words."""

    pixels: Tensor
    digest: int
    note: str


def read(path: Path, files: Sequence[Path], size: int | None, colour: Colour, fit: Fit) -> Read:
    """All that can be read of these files, which lie below `path`."""
    with pictures.quietly():
        sides = list(_map_threads(_tried(pictures.sides), files, "reading sizes of pictures"))
        damaged = {place: str(e) for place, e in enumerate(sides) if isinstance(e, UsageError)}
        whole = [place for place in range(len(files)) if place not in damaged]
        target = _target({s for s in sides if not isinstance(s, UsageError)}, size)
        check_room(str(path), len(files), (3, *target))
        inputs = torch.empty((len(whole), 3 if colour is True else 1, *target), dtype=torch.uint8)
        digests: list[int] = []
        notes: dict[int, str] = {}
        one = _tried(partial(_picture, preparation(target, 1 if colour is False else 3, fit)))
        decoded = _map_threads(one, [files[place] for place in whole], "reading pictures")
        for place, picture in zip(whole, decoded, strict=True):
            if isinstance(picture, UsageError):
                damaged[place] = str(picture)
                continue
            pixels, grey = picture.pixels, picture.pixels[:1]
            if inputs.shape[1] == 1 and not torch.equal(pixels, grey.expand_as(pixels)):
                # The first with a colour: until then all were kept in a third of the memory.
                inputs = inputs.repeat(1, 3, 1, 1)
            inputs[len(digests)] = pixels if inputs.shape[1] == 3 else grey
            digests.append(picture.digest)
            if picture.note:
                notes[place] = picture.note
    return Read(inputs[: len(digests)], torch.tensor(digests, dtype=torch.int64), damaged, notes)


def preparation(size: tuple[int, int], channels: int, fit: Fit) -> Preparation:
    """How the pictures of a folder are prepared. size: (height, width)."""
    share = DRAWN if fit == "ink" else None
    return Preparation(size=size, channels=1 if channels == 1 else 3, fit=fit, share=share)


def _picture(how: Preparation, file: Path) -> _Picture:
    image, notes = pictures.decode(file)
    return _Picture(prepare(image, how).pixels, pictures.digest(image), ", ".join(notes))


def _target(sides: set[tuple[int, int]], asked: int | None) -> tuple[int, int]:
    """(height, width) of the dataset's pictures."""
    if asked is not None:
        return asked, asked
    if len(sides) == 1:
        (own,) = sides
        if max(own) <= MAX_OWN_SIZE:
            return own
    return DEFAULT_SIZE, DEFAULT_SIZE


def _tried(function: Callable[[Path], T]) -> Callable[[Path], T | UsageError]:
    """The function, which returns its error, so that all damaged files are found in one go."""

    def tried(file: Path) -> T | UsageError:
        try:
            return function(file)
        except UsageError as error:
            return error

    return tried


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
