"""A folder of your own pictures, with a subfolder for each class."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field

from rockfall import Dataset, Split, UsageError
from rockfall.kit.recorded import recorded_info
from rockfall.plugin import Seed, open_with
from rockfall_datasets.folder_cache import decoded
from rockfall_datasets.folder_layout import Layout, find_pictures
from rockfall_datasets.folder_reading import Colour, Fit, Read, preparation, read
from rockfall_datasets.folder_splits import copies, hold_out, hold_out_by_name, listed

MAX_SIZE = 512
"""A thousand pictures of this height and width in colour take 0.8 GB of memory."""
TEST, VALIDATION = 0.2, 0.1
"""Fractions that are held out where the folder has no such split."""
PHOTOGRAPHS, DRAWINGS = ("finetune", "convnet"), ("lenet5", "convnet")
"""Models to begin with, for pictures with classes; those without are not learned by them."""
MOST_NAMED = 20
"""Damaged files that an error names."""


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
    skip_damaged: Annotated[
        bool, Field(description="go on without the files that can't be read, instead of an error")
    ] = False,
    seed: Seed = 0,
) -> Dataset:
    """Pictures (C, H, W), labelled by the folder that each lies in.

    PNG, JPEG, WebP, GIF, BMP, TIFF, PPM and, where Pillow has them, AVIF and HEIC, by what is in a
    file and not by its name. `train/`, `test/` and `validation/` are the splits of their names.
    Without the latter two, 20 % of every class are held out for test and 10 % of the rest for
    validation, drawn by what is on the pictures and `source.seed`. Pictures in the folder itself,
    without class folders, have no labels.

    Without `source.size`, pictures that are all of one size of at most 64 × 64 keep it, and others
    are resized to 32 × 32. One that is not square is padded to a square of the median colour of its
    border, not cropped, since its subject may lie at the edge; see `rockfall.kit.preparation`.
    What takes over a second to read is kept decoded, until a picture changes, comes or goes.
    Raises UsageError for files that can't be read, and for a class of too few pictures.
    """
    again = recorded_info()
    former = again is not None and again.get("preparation") is None  # a run of version 0.1
    found = find_pictures(path, former=former)
    files = list(_files(found))
    options = size, colour, fit
    content = decoded(path, files, options, lambda: read(path, files, *options))
    if content.damaged and not skip_damaged:
        raise UsageError(_damaged(content.damaged, len(files)))
    parts = _parts(path, found, content)
    by = hold_out_by_name if former else hold_out
    _check_counts(path, found, parts)
    for name, fraction, leave in (
        ("test", TEST, 1 + ("validation" not in parts)),
        ("validation", VALIDATION, 1),
    ):
        if name not in parts:
            parts["train"], parts[name] = by(parts["train"], fraction, seed, leave)
    splits = {name: parts[name] for name in ("train", "validation", "test")}
    classes = _classes(found)
    kinds = ("pictures", "labelled-pictures") if classes else ("pictures",)
    _, channels, height, width = content.inputs.shape
    how = preparation((height, width), channels, fit)
    data = Dataset(str(path), splits, kinds=kinds, classes=classes, preparation=how)
    data.begin_with = PHOTOGRAPHS if channels == 3 else DRAWINGS
    data.warnings = (*_left_out(path, found, files, content), *copies(splits, classes))
    return data


def _files(found: Layout) -> Iterator[Path]:
    """All files, split by split, and in a split class by class, in label order."""
    for by_class in found.files.values():
        for name in found.files["train"]:
            yield from by_class[name]


def _classes(found: Layout) -> tuple[str, ...]:
    """Names in label order; () for pictures without classes."""
    return tuple(name for name in found.files["train"] if name)


def _parts(path: Path, found: Layout, content: Read) -> dict[str, Split]:
    """What could be read, of each split that has its own folder. Without classes, labels are -1."""
    places, labels = [], []
    for by_class in found.files.values():
        for label, name in enumerate(found.files["train"]):
            labels += [label if name else -1] * len(by_class[name])
    files = [os.path.relpath(file, path) for file in _files(found)]
    places = [place for place in range(len(files)) if place not in content.damaged]
    whole = Split(
        content.inputs,
        torch.tensor([labels[place] for place in places], dtype=torch.int64),
        files=tuple(files[place] for place in places),
        digests=content.digests,
    )
    sizes = {name: sum(map(len, by_class.values())) for name, by_class in found.files.items()}
    owner = [name for name, size in sizes.items() for _ in range(size)]
    of = [owner[place] for place in places]
    return {name: whole.some(torch.tensor([each == name for each in of])) for name in sizes}


def _check_counts(path: Path, found: Layout, parts: Mapping[str, Split]) -> None:
    """Raise UsageError for a class of too few pictures to have some in every split."""
    missing = ("test" not in parts) + ("validation" not in parts)
    for split, part in parts.items():
        least = 1 + missing * (split == "train")
        for label, name in enumerate(found.files["train"]):
            count = int((part.labels == label).sum()) if name else len(part)
            if count < least:
                what = f"class {name}" if name else "it"
                why = ": one is held out for each split that the folder lacks" if missing else ""
                use = "training" if split == "train" else split
                plural = "s" * (count != 1)
                raise UsageError(
                    f"{path}: {what} has {count} picture{plural} for {use}, and needs {least} or "
                    f"more{why}"
                )


def _damaged(damaged: Mapping[int, str], count: int) -> str:
    reasons = list(damaged.values())
    if len(reasons) == 1:
        return f"{reasons[0]}; take it out, or source.skip_damaged=true goes on without it"
    return (
        f"{len(reasons):,} of {count:,} files can't be used: {'; '.join(reasons[:MOST_NAMED])}"
        + (f"; and {len(reasons) - MOST_NAMED:,} more" if len(reasons) > MOST_NAMED else "")
        + "; take them out, or source.skip_damaged=true goes on without them"
    )


def _left_out(path: Path, found: Layout, files: Sequence[Path], content: Read) -> Iterator[str]:
    """What is to be said of files that are left out, or taken in part."""
    out = [os.path.relpath(files[place], path) for place in content.damaged]
    if out:
        yield f"left out, since they can't be read: {_counted(out)}"
    other = [os.path.relpath(file, path) for file in found.passed_over]
    if other:
        yield f"passed over, since they are no pictures: {_counted(other)}"
    notes = [f"{os.path.relpath(files[p], path)}: {n}" for p, n in content.notes.items()]
    if notes:
        yield f"not taken as they are: {_counted(notes)}"


def _counted(names: Sequence[str]) -> str:
    return f"{len(names):,} file{'s' * (len(names) != 1)} ({listed(names)})"
