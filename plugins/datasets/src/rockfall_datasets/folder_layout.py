"""The layout of a folder of pictures: files, classes and splits."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rockfall import UsageError
from rockfall.kit.pictures import is_picture

PICTURES = (
    "png apng jpg jpeg jpe jfif jif mpo webp gif bmp dib tif tiff avif avifs ppm pgm pbm pnm pfm "
    "heic heif hif jp2 j2k jxl svg psd raw dng nef nrw cr2 cr3 arw orf rw2 raf pef srw"
)
SUFFIXES = {f".{name}" for name in PICTURES.split()}
"""Of pictures, those that can't be read too: a dataset must not silently lack what the user has.
A file with none of these is a picture if its content is.
"""
FORMER_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
"""Those of which version 0.1 took files, by name alone."""
IGNORED = {
    "__macosx",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "picasa.ini",
    "@eadir",
    "@tmp",
    "@recycle",
    "@recently-snapshot",
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "system volume information",
    "lost+found",
}
"""What operating systems and network drives leave; names that begin with a dot are ignored too."""
UNPRINTABLE = {"Cc", "Cs"}
"""Unicode categories of control characters, and of surrogates for bytes that are not UTF-8."""
SPLITS = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "validation": ("validation", "valid", "val"),
}

EXPECTED = (
    "a picture folder has a folder for each class (cat/, dog/, …) with pictures in each, or such "
    "folders in train/ and test/, or pictures alone"
)


Listed = tuple[list[Path], list[Path]]
"""The subfolders of a folder, and its pictures."""


@dataclass(frozen=True)
class Layout:
    """files: by split, of those that have a folder, or else of `train` alone; and by class, in
    label order. Pictures without classes are those of the class `""`.
    passed_over: what is no picture.
    """

    files: Mapping[str, Mapping[str, Sequence[Path]]]
    passed_over: Sequence[Path] = field(default_factory=list)


def find_pictures(path: Path, *, former: bool = False) -> Layout:
    """The pictures of a folder. Raises UsageError for a folder without such a layout.

    former: those that version 0.1 took.
    """
    finder = _Finder(former)
    folders, files = listed = finder.look_into(path)
    splits = [_split_of(each) for each in folders]
    if "train" in splits and None not in splits:
        if files:
            beside = folders[splits.index("train")].name
            raise UsageError(f"{files[0]} lies beside {beside}/: move it into a class folder")
        parts: dict[str, Mapping[str, Sequence[Path]]] = {}
        for split, folder in zip(splits, folders, strict=True):
            assert split is not None
            if split in parts:
                both = [each.name for each in folders if _split_of(each) == split]
                raise UsageError(f"{path} has both {both[0]}/ and {both[1]}/: keep one")
            parts[split] = finder.by_class(folder, finder.look_into(folder))
    else:
        parts = {"train": finder.by_class(path, listed)}
    train = parts.pop("train")
    for name, classes in parts.items():
        _check_same_classes(path, name, train, classes)
    if len(train) == 1 and "" not in train:
        ((only, pictures),) = train.items()
        raise UsageError(
            f"{path} has one class, {only}, and classifiers need two: add a folder for another "
            f"class, or take {pictures[0].parent} as pictures without classes"
        )
    return Layout({"train": train, **parts}, finder.passed_over)


def _split_of(folder: Path) -> str | None:
    name = folder.name.lower()
    return next((split for split, names in SPLITS.items() if name in names), None)


class _Finder:
    """Looks into folders, and remembers which files are no pictures."""

    def __init__(self, former: bool) -> None:
        self.former = former
        self.passed_over: list[Path] = []

    def by_class(self, path: Path, listed: Listed) -> dict[str, Sequence[Path]]:
        """The pictures in each class folder, by its name; `""` for those in the folder itself."""
        folders, files = listed
        if not folders:
            if not files:
                raise UsageError(f"{path} holds no pictures: {EXPECTED}")
            return {"": files}
        if files:
            raise UsageError(
                f"{files[0]} lies beside class folders ({folders[0].name}/): move it into one"
            )
        found: dict[str, Sequence[Path]] = {}
        for folder in folders:
            deeper, found[folder.name] = self.look_into(folder)
            if deeper:
                hint = f"take {folder}, or " if len(folders) == 1 else ""
                raise UsageError(
                    f"{deeper[0]} is a folder in a class folder, which must hold pictures alone: "
                    f"{hint}{EXPECTED}"
                )
        if not any(found.values()):
            raise UsageError(f"{path} holds no pictures: {EXPECTED}")
        for name, pictures in found.items():
            if not pictures:
                raise UsageError(f"{path / name} holds no pictures: fill it, or remove it")
        return found

    def look_into(self, path: Path) -> Listed:
        """The subfolders and the pictures of a folder, each sorted by name."""
        folders, files = [], []
        try:
            for entry in _entries(path):
                if entry.is_dir():
                    if any(unicodedata.category(char) in UNPRINTABLE for char in entry.name):
                        raise UsageError(
                            f"{path} holds a folder {entry.name!a}, a name that can't be "
                            "printed: rename it"
                        )
                    folders.append(Path(entry.path))
                elif self._is_picture(entry):
                    files.append(Path(entry.path))
                else:
                    self.passed_over.append(Path(entry.path))
        except OSError as error:
            raise UsageError(f"{path} can't be listed: {error.strerror or error}") from None
        return folders, files

    def _is_picture(self, entry: os.DirEntry[str]) -> bool:
        suffix = os.path.splitext(entry.name)[1].lower()
        if self.former:
            return suffix in FORMER_SUFFIXES
        if suffix in SUFFIXES:
            # Reading a pipe would block.
            if os.path.exists(entry.path) and not entry.is_file():
                raise UsageError(f"{entry.path} is not a regular file")
            return True
        return entry.is_file() and is_picture(Path(entry.path))


def _entries(path: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(path) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if not entry.name.startswith(".") and entry.name.lower() not in IGNORED:
                yield entry


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
