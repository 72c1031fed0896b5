"""The installed distributions, each read on its own: a broken one breaks no other.

`importlib.metadata.entry_points` ends with the first file that it can't decode, unnamed.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib.metadata import Distribution, EntryPoint, PathDistribution
from pathlib import Path
from typing import Any

MOST_BYTES = 4 << 20
"""Of a file of metadata; the longest in use have some hundred thousand."""
STEM = re.compile(r"(.+?)(?:-([^-]+).*)?\.(?:dist|egg)-info")


@dataclass(frozen=True)
class Installed:
    """A distribution that has entry points in a group, or may have: what is `broken` says why."""

    name: str
    version: str
    path: str
    entries: tuple[EntryPoint, ...] = ()
    broken: str = ""


def installed(group: str, *, thoroughly: bool = False) -> list[Installed]:
    """Those with entry points in the group, and those whose entry points can't be read; the first
    on the path of each name.

    thoroughly: those of no entry points too, if their metadata can't be read or is there twice.
    """
    found: list[Installed] = []
    seen: dict[str, str] = {}
    for distribution in _each():
        path = getattr(distribution, "_path", None)
        place = str(path or distribution)
        try:
            name, version = _of_the_folder(distribution)
            known = re.sub(r"[-_.]+", "-", name).lower()
            if known in seen:
                if thoroughly and Path(seen[known]).parent == Path(place).parent:
                    why = f"it is installed twice: also as {Path(seen[known]).name}"
                    found.append(Installed(name, version, place, broken=why))
                continue
            seen[known] = place
        except Exception as error:
            found.append(Installed("?", "?", place, broken=_why("it has no name", error)))
            continue
        entries: tuple[EntryPoint, ...] = ()
        try:
            entries = _entries(distribution, group)
            if entries or thoroughly:
                name, version = _of_the_metadata(distribution, name, version)
        except Exception as error:
            why = _why("its metadata can't be read", error)
            found.append(Installed(name, version, place, broken=why))
            continue
        if entries:
            found.append(Installed(name, version, place, entries))
    return found


def hide(broken: Collection[str]) -> None:
    """Let nothing else in this process read the files in these folders of distributions.

    Torch, pydantic and Gymnasium ask every distribution for its entry points, and the first that
    can't be read would end their import.
    """
    read = PathDistribution.read_text

    def read_text(self: PathDistribution, filename: Any) -> str | None:
        return "" if str(getattr(self, "_path", "")) in broken else read(self, filename)

    PathDistribution.read_text = read_text  # type: ignore[method-assign]


def _each() -> Iterator[Distribution]:
    """Every distribution; a folder on the path that can't be listed ends the list."""
    distributions = Distribution.discover()
    while True:
        try:
            yield next(distributions)  # type: ignore[call-overload]
        except (StopIteration, Exception):
            return


def _of_the_folder(distribution: Distribution) -> tuple[str, str]:
    """Name and version by the name of its folder, or else by what it says."""
    path = getattr(distribution, "_path", None)
    stem = STEM.fullmatch(path.name) if path is not None else None
    if stem is None:
        return distribution.name, distribution.version
    return stem[1].replace("_", "-"), stem[2] or "?"


def _of_the_metadata(distribution: Distribution, name: str, version: str) -> tuple[str, str]:
    files = ("METADATA", "PKG-INFO", "")  # the last: an egg-info that is a file
    text = next((text for file in files if (text := _read(distribution, file)) is not None), None)
    if text is None:
        raise FileNotFoundError("it has no METADATA")
    said = HeaderParser().parsestr(text)
    return str(said["Name"] or name), str(said["Version"] or version)


def _entries(distribution: Distribution, group: str) -> tuple[EntryPoint, ...]:
    if _read(distribution, "entry_points.txt") is None:
        return ()
    return tuple(distribution.entry_points.select(group=group))


def _read(distribution: Distribution, name: str) -> str | None:
    """A regular file of its folder, of no more than is sound; None if there is none."""
    folder = getattr(distribution, "_path", None)
    if not isinstance(folder, Path):  # in a zip file, say
        return distribution.read_text(name)
    path = folder / name if name else folder
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(status.st_mode):
        if not name:
            return None
        raise ValueError(f"{name} is no file")
    if status.st_size > MOST_BYTES:
        raise ValueError(f"{name} has {status.st_size:,} bytes")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not UTF-8 (byte {error.start:,})") from None


def _why(what: str, error: Exception) -> str:
    text = str(getattr(error, "strerror", None) or error or type(error).__name__)
    return f"{what}: {' '.join(text.split())}"
