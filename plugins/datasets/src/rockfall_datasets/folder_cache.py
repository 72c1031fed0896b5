"""The decoded pictures of a folder, kept for as long as its files are what they were.

In `folders/` of the data folder there is a file for each folder and its options: a tensor, with a
digest of all names, sizes and times of the pictures' files. Where that differs, or the file is
damaged or not what was kept, the pictures are decoded again and take its place. Together the files
have a bounded size; the one that was not used for longest goes first.
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
from torch import Tensor, uint8

from rockfall import RockfallError
from rockfall.kit import checkpoint
from rockfall.kit.downloads import data_folder

FOLDER = "folders"
VERSION = 1
"""Of how pictures are decoded here: with another one, or another Pillow, they are decoded again."""
WORTH = 1.0
"""Seconds of decoding from which on the result is kept: a small folder leaves nothing behind."""
SETTLED = 2.0
"""Seconds since the latest change of a file, for fewer of which nothing is kept: within the
precision of a file system's clock (FAT's is two seconds) another change would leave no trace."""
MOST_BYTES = 4 * 2**30
"""Of all that is kept together. A single folder may take a quarter."""

State = list[tuple[str, int, int, int, int]]
"""For each file its name, size, inode, and when its content and the file itself changed."""


def decoded(
    path: Path, files: Sequence[Path], options: Sequence[object], decode: Callable[[], Tensor]
) -> Tensor:
    """The pictures (N, C, H, W) uint8 of `files`, which lie below `path`: kept ones, or `decode()`.

    options: what they depend on beside the files.
    """
    kept = data_folder() / FOLDER / f"{_digest([str(path), *options])[:32]}.safetensors"
    state = _state(path, files)
    if (found := _read(kept, state, len(files))) is not None:
        return found
    began = time.monotonic()
    inputs = decode()
    if (
        time.monotonic() - began >= WORTH
        and inputs.nbytes <= MOST_BYTES // 4
        and _is_settled(state)
        and state == _state(path, files)  # else some changed while others were read
    ):
        _keep(kept, state, inputs)
    return inputs


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


def _read(kept: Path, state: State, count: int) -> Tensor | None:
    """What was kept of exactly these files, or None."""
    try:
        if not state or kept.stat().st_size > MOST_BYTES // 4 + 2**16:
            return None
        content = checkpoint.read(kept)
        inputs, of = content["inputs"], content["state"]
    except (OSError, RockfallError, LookupError, TypeError):
        return None
    if of != _digest(state) or not isinstance(inputs, Tensor) or inputs.dtype is not uint8:
        return None
    if inputs.ndim != 4 or not inputs.numel():
        return None
    if len(inputs) != count or inputs.shape[1] not in (1, 3):
        return None
    with contextlib.suppress(OSError):
        os.utime(kept)  # used just now
    return inputs


def _keep(kept: Path, state: State, inputs: Tensor) -> None:
    """If it can't be, nothing is lost: the pictures are decoded again."""
    with contextlib.suppress(OSError, RockfallError, MemoryError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.write(kept, {"state": _digest(state), "inputs": inputs})
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
