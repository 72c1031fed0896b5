"""The layout of a folder of pictures: files, classes and splits, by names alone."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rockfall import UsageError

SUPPORTED = {".png", ".jpg", ".jpeg", ".webp"}
UNSUPPORTED = {".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".svg", ".raw"}
"""An error rather than skipped: a dataset must not silently lack pictures that the user has."""
IGNORED = {"__macosx", "thumbs.db", "desktop.ini"}
"""Files of operating systems; names that begin with a dot are ignored too."""
UNPRINTABLE = {"Cc", "Cs"}
"""Unicode categories of control characters, and of surrogates for bytes that are not UTF-8."""
SPLITS = {"train": "train", "test": "test", "validation": "validation", "val": "validation"}

EXPECTED = (
    "a picture folder has a folder for each class (cat/, dog/, …) with PNG, JPEG or WebP files in "
    "each, or such folders in train/ and test/, or pictures alone"
)


@dataclass(frozen=True)
class Layout:
    """files, labels: of each split that has its own folder; of `train` alone if none has.

    classes: names in label order; () for pictures without classes, whose labels are all -1.
    """

    files: Mapping[str, Sequence[Path]]
    labels: Mapping[str, Sequence[int]]
    classes: tuple[str, ...]


def find_pictures(path: Path) -> Layout:
    """The pictures of a folder, by name. Raises UsageError for a folder without such a layout."""
    folders, files = _list(path)
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
        _check_same_classes(path, name, train, classes)
    if len(train) == 1 and "" not in train:
        ((only, pictures),) = train.items()
        raise UsageError(
            f"{path} has one class, {only}, and classifiers need two: add a folder for another "
            f"class, or take {pictures[0].parent} as pictures without classes"
        )
    least = 1 + ("test" not in parts) + ("validation" not in parts)
    for name, found in train.items():
        if len(found) < least:
            what = f"class {name}" if name else "it"
            raise UsageError(
                f"{path}: {what} has {_count(found)} for training, and needs {least} or more: "
                "one is held out for each split that the folder lacks"
            )
    order = list(train)
    return Layout(
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
    folders, files = _list(path)
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
        deeper, found[folder.name] = _list(folder)
        if deeper:
            raise UsageError(
                f"{deeper[0]} is a folder in a class folder, which must hold pictures alone; "
                f"{EXPECTED}"
            )
    if not any(found.values()):
        raise UsageError(f"{path} holds no pictures: {EXPECTED}")
    for name, pictures in found.items():
        if not pictures:
            raise UsageError(f"{path / name} holds no pictures: fill it, or remove it")
    return found


def _check_same_classes(
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


def _list(path: Path) -> tuple[list[Path], list[Path]]:
    """The subfolders and the pictures of a folder, each sorted by name."""
    folders, files = [], []
    try:
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.startswith(".") or entry.name.lower() in IGNORED:
                    continue
                suffix = os.path.splitext(entry.name)[1].lower()
                if entry.is_dir():
                    if any(unicodedata.category(char) in UNPRINTABLE for char in entry.name):
                        raise UsageError(
                            f"{path} holds a folder {entry.name!a}, a name that can't be "
                            "printed: rename it"
                        )
                    folders.append(Path(entry.path))
                elif suffix in SUPPORTED:
                    # Reading a pipe would block.
                    if os.path.exists(entry.path) and not entry.is_file():
                        raise UsageError(f"{entry.path} is not a regular file")
                    files.append(Path(entry.path))
                elif suffix in UNSUPPORTED:
                    raise UsageError(
                        f"{entry.path} is neither PNG, JPEG nor WebP: convert it, or take it out"
                    )
    except OSError as error:
        raise UsageError(f"{path} can't be listed: {error.strerror or error}") from None
    return folders, files


def _count(pictures: Sequence[Path]) -> str:
    return f"{len(pictures)} picture{'s' * (len(pictures) != 1)}"
