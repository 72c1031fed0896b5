"""Which pictures a folder holds, of which class and for what: names alone, nothing is read."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rockfall.errors import UsageError

TAKEN = {".png", ".jpg", ".jpeg", ".webp"}
NOT_TAKEN = {".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".svg", ".raw"}
"""Pictures all the same: to learn from the rest without a word would be wrong."""
IGNORED = {"__macosx", "thumbs.db", "desktop.ini"}
"""What systems leave behind; so is what begins with a dot."""
UNWRITABLE = {"Cc", "Cs"}
"""Unicode's categories of what ends a line or moves a cursor, and of bytes that are no UTF-8."""
SPLITS = {"train": "train", "test": "test", "validation": "validation", "val": "validation"}

EXPECTED = (
    "a picture folder has a folder a class (cat/, dog/, …) with PNG, JPEG or WebP files in each, "
    "or such folders in train/ and test/, or pictures alone"
)


@dataclass(frozen=True)
class Found:
    """files, labels: of each split that has a folder of its own; `train` alone if none has.

    classes: names in label order; () if there are none, and then every label is -1.
    """

    files: Mapping[str, Sequence[Path]]
    labels: Mapping[str, Sequence[int]]
    classes: tuple[str, ...]


def find_pictures(path: Path) -> Found:
    """The pictures of a folder, by name. Raises UsageError for what is no picture folder."""
    folders, files = _listed(path)
    named = {folder.name.lower(): folder for folder in folders}
    if "train" in named and named.keys() <= SPLITS.keys():
        if files:
            raise UsageError(f"{files[0]} lies beside train/: move it into a class folder")
        parts: dict[str, dict[str, list[Path]]] = {}
        for name, folder in sorted(named.items()):
            if SPLITS[name] in parts:
                raise UsageError(f"{path} has both val/ and validation/: keep one")
            parts[SPLITS[name]] = _by_class(folder)
    else:
        parts = {"train": _by_class(path)}
    train = parts.pop("train")
    parts = {"train": train, **parts}
    for name, classes in parts.items():
        _check_same(path, name, train, classes)
    if len(train) == 1 and "" not in train:
        ((only, pictures),) = train.items()
        raise UsageError(
            f"{path} has one class, {only}, and nothing to tell it from: add a folder for another "
            f"class, or take {pictures[0].parent} as pictures without classes"
        )
    least = 1 + ("test" not in parts) + ("validation" not in parts)
    for name, found in train.items():
        if len(found) < least:
            what = f"class {name}" if name else "it"
            raise UsageError(
                f"{path}: {what} has {_count(found)} to learn from, and needs {least} or more: "
                "one is kept for test or validation each"
            )
    order = list(train)
    return Found(
        {part: [file for name in order for file in found[name]] for part, found in parts.items()},
        {
            part: [label for label, name in enumerate(order) for _ in found[name]]
            if order != [""]
            else [-1] * len(found[""])
            for part, found in parts.items()
        },
        tuple(order) if order != [""] else (),
    )


def _by_class(path: Path) -> dict[str, list[Path]]:
    """The pictures in each class folder, by its name; `""` for those in the folder itself."""
    folders, files = _listed(path)
    if not folders:
        if not files:
            raise UsageError(f"{path} holds no pictures: {EXPECTED}")
        return {"": files}
    if files:
        raise UsageError(
            f"{files[0]} lies beside class folders ({folders[0].name}/): move it into one"
        )
    found = {}
    for folder in folders:
        deeper, found[folder.name] = _listed(folder)
        if deeper:
            raise UsageError(
                f"{deeper[0]} is a folder in a class folder: pictures of a class lie right in it; "
                f"{EXPECTED}"
            )
    if not any(found.values()):
        raise UsageError(f"{path} holds no pictures: {EXPECTED}")
    for name, pictures in found.items():
        if not pictures:
            raise UsageError(f"{path / name} holds no pictures: fill it, or remove it")
    return found


def _check_same(
    path: Path, part: str, train: Mapping[str, object], other: Mapping[str, object]
) -> None:
    if train.keys() == other.keys():
        return
    if "" in train or "" in other:
        with_, without = ("train", part) if "" in other else (part, "train")
        raise UsageError(f"{path}: {with_}/ has class folders, and {without}/ has none")
    differing = sorted(train.keys() ^ other.keys())[0]
    has, lacks = ("train", part) if differing in train else (part, "train")
    raise UsageError(f"{path}: {has}/ has a class {differing}, which {lacks}/ has not")


def _listed(path: Path) -> tuple[list[Path], list[Path]]:
    """The folders and the pictures in a folder, in order of their names."""
    folders, files = [], []
    try:
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.startswith(".") or entry.name.lower() in IGNORED:
                    continue
                kind = os.path.splitext(entry.name)[1].lower()
                if entry.is_dir():
                    if any(unicodedata.category(sign) in UNWRITABLE for sign in entry.name):
                        raise UsageError(
                            f"{path} holds a folder {entry.name!a}, a name that can't be "
                            "shown: rename it"
                        )
                    folders.append(Path(entry.path))
                elif kind in TAKEN:
                    if os.path.exists(entry.path) and not entry.is_file():
                        raise UsageError(f"{entry.path} is no file")  # a pipe would never end
                    files.append(Path(entry.path))
                elif kind in NOT_TAKEN:
                    raise UsageError(
                        f"{entry.path} is neither PNG, JPEG nor WebP: convert it, or take it out"
                    )
    except OSError as error:
        raise UsageError(f"{path} can't be looked into: {error.strerror or error}") from None
    return folders, files


def _count(pictures: Sequence[Path]) -> str:
    return f"{len(pictures)} picture{'s' * (len(pictures) != 1)}"
