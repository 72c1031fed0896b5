"""Frames that are gone through twice, but not all in memory: compressed, in a temporary file."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterable, Iterator

import numpy as np

IN_MEMORY = 1 << 26
"""Bytes that are kept in memory before there is a file."""


class Spool:
    """uint8 arrays, which come once and can be gone through again and again until it is closed."""

    def __init__(self, frames: Iterable[np.ndarray]) -> None:
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115, closed by `close`
        self._parts: list[tuple[tuple[int, ...], int]] = []
        """The shape of each, and its bytes in the file."""
        try:
            for frame in frames:
                content = zlib.compress(np.ascontiguousarray(frame, np.uint8).data, 1)
                self._file.write(content)
                self._parts.append((frame.shape, len(content)))
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[np.ndarray]:
        place = 0
        for shape, size in self._parts:
            self._file.seek(place)
            content = zlib.decompress(self._file.read(size))
            yield np.frombuffer(content, np.uint8).reshape(shape)
            place += size

    def close(self) -> None:
        self._file.close()
