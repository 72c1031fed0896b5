"""The decoded pictures of a folder, kept for as long as its files are what they were.

In `folders/` of the data folder there is a file for each folder and its options: what was read,
with a digest of all names, sizes and times of the pictures' files. Where that differs, or the file
is damaged or not what was kept, the pictures are decoded again and take its place. Together the
files have a bounded size; the one that was not used for longest goes first.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import PIL
from torch import int64, uint8

from rockfall import RockfallError
from rockfall.kit import checkpoint
from rockfall.kit.downloads import data_folder
from rockfall_datasets.folder_reading import Read

FOLDER = "folders"
VERSION = 2
"""Of how pictures are decoded here: with another one, or another Pillow, they are decoded again."""
WORTH = 1.0
"""Seconds of decoding from which on the result is kept: a small folder leaves nothing behind."""
SETTLED = 2.0
"""Seconds since the latest change of a file, for fewer of which nothing is kept: within the
precision of a file system's clock (FAT's is two seconds) another change would leave no trace."""
MOST_BYTES = 4 * 2**30
"""Of all that is kept together. A single folder may take a quarter."""
BESIDE = 1000
"""Bytes a file, for what is kept beside its pixels: a digest, and what is said of it."""

State = list[tuple[str, int, int, int, int]]
"""For each file its name, size, inode, and when its content and the file itself changed."""


def decoded(
    path: Path, files: Sequence[Path], options: Sequence[object], decode: Callable[[], Read]
) -> Read:
    """The pictures of `files`, which lie below `path`: what was kept of them, or `decode()`.

    options: what they depend on beside the files.
    """
    kept = data_folder() / FOLDER / f"{_digest([str(path), *options])[:32]}.safetensors"
    state = _state(path, files)
    if (found := _read(kept, state, len(files))) is not None:
        return found
    began = time.monotonic()
    content = decode()
    if (
        time.monotonic() - began >= WORTH
        and content.inputs.nbytes <= MOST_BYTES // 4
        and _is_settled(state)
        and state == _state(path, files)  # else some changed while others were read
    ):
        _keep(kept, state, content)
    return content


def _state(path: Path, files: Sequence[Path]) -> State:
    """All that tells one content of the files from another without reading it, in their order."""
    state: State = []
    for file in files:
        try:
            found = os.stat(file)
        except OSError:  # decoding says so, in words
            return []
        name = os.path.relpath(file, path)
        times = found.st_mtime_ns, found.st_ctime_ns
        state.append((name, found.st_size, found.st_ino, *times))
    return state


def _is_settled(state: State) -> bool:
    changes = [change for *_, content, file in state for change in (content, file)]
    return bool(changes) and time.time_ns() - max(changes) >= SETTLED * 1e9


def _read(kept: Path, state: State, count: int) -> Read | None:
    """What was kept of exactly these files, or None."""
    try:
        if not state or kept.stat().st_size > MOST_BYTES // 4 + 2**16 + count * BESIDE:
            return None
        content = checkpoint.read(kept)
        if content["state"] != _digest(state):
            return None
        found = Read(
            content["inputs"],
            content["digests"],
            {int(place): str(text) for place, text in content["damaged"]},
            {int(place): str(text) for place, text in content["notes"]},
        )
        if not _is_sound(found, count):
            return None
    except (OSError, RockfallError, LookupError, TypeError, ValueError, AttributeError):
        return None
    with contextlib.suppress(OSError):
        os.utime(kept)  # used just now
    return found


def _is_sound(found: Read, count: int) -> bool:
    """Whether it is what is read of so many files."""
    inputs, digests = found.inputs, found.digests
    return (
        inputs.dtype == uint8
        and inputs.ndim == 4
        and inputs.numel() > 0
        and inputs.shape[1] in (1, 3)
        and len(inputs) + len(found.damaged) == count
        and digests.dtype == int64
        and digests.shape == (len(inputs),)
        and set(range(count)) >= found.damaged.keys() | found.notes.keys()
    )


def _keep(kept: Path, state: State, content: Read) -> None:
    """If it can't be, nothing is lost: the pictures are decoded again."""
    with contextlib.suppress(OSError, RockfallError, MemoryError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        known = {
            "state": _digest(state),
            "inputs": content.inputs,
            "digests": content.digests,
            "damaged": [[place, text] for place, text in content.damaged.items()],
            "notes": [[place, text] for place, text in content.notes.items()],
        }
        checkpoint.write(kept, known)
        _make_room(kept)


def _make_room(latest: Path) -> None:
    """Remove what was not used for longest until the rest is within the limit."""
    found = []
    for file in latest.parent.iterdir():  # what a killed process left unfinished, too
        with contextlib.suppress(OSError):
            is_latest, about = file == latest, file.lstat()
            found.append((is_latest, about.st_mtime_ns, about.st_size, file))
    room = MOST_BYTES
    for _, _, size, file in sorted(found, reverse=True):
        room -= size
        if room < 0:
            with contextlib.suppress(OSError):
                file.unlink()


def _digest(data: object) -> str:
    return hashlib.sha256(json.dumps([VERSION, PIL.__version__, data]).encode()).hexdigest()
