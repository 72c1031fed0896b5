"""IDX files, plain or compressed by gzip: the format of MNIST and its relatives.

Two zero bytes, a byte for the type, a byte for the number of dimensions, each dimension as a
big-endian 32-bit integer, then the values, big-endian, the last dimension fastest (LeCun, Cortes
and Burges, "The MNIST database of handwritten digits").
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from rockfall import RockfallError

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"
MAX_BYTES = 1 << 30
"""Of values; a header that states more is damaged, or that of a decompression bomb."""


def read_idx(path: Path) -> np.ndarray[Any, Any]:
    """The array in the file, of the shape and type in its header, in this machine's byte order.

    Raises RockfallError, naming the file, unless it is exactly one complete IDX file.
    """
    try:
        with path.open("rb") as file:
            compressed = file.read(2) == GZIP
            file.seek(0)
            if not compressed:
                return _parse(file)
            with gzip.GzipFile(fileobj=file) as decompressed:
                return _parse(decompressed)
    except (ValueError, EOFError, zlib.error, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RockfallError(
            f"{path} is not a complete IDX file: {reason}; delete it and it is downloaded again"
        ) from error


def _parse(file: IO[bytes] | gzip.GzipFile) -> np.ndarray[Any, Any]:
    zeros, kind, dimensions = struct.unpack(">HBB", _exactly(file, 4))
    if zeros or kind not in TYPES or not dimensions:
        raise ValueError("its header is not that of one")
    shape = struct.unpack(f">{dimensions}I", _exactly(file, 4 * dimensions))
    dtype = np.dtype(TYPES[kind])
    size = math.prod(shape) * dtype.itemsize
    if size > MAX_BYTES:
        raise ValueError(f"its header states a size of {' × '.join(map(str, shape))}")
    values = file.read(size)
    if len(values) < size:
        raise ValueError(f"it ends after {len(values):,} of {size:,} bytes of values")
    # One byte more, to check that nothing follows, and for gzip to verify its checksum.
    if file.read(1):
        raise ValueError(f"it goes on after {size:,} bytes of values")
    array = np.frombuffer(values, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="))


def _exactly(file: IO[bytes] | gzip.GzipFile, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise ValueError("it ends within its header")
    return data
