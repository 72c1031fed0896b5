"""IDX files: what is written comes back; every error names the file."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from rockfall.errors import RockfallError
from rockfall_datasets import idx
from rockfall_datasets.idx import read_idx

KINDS = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def written(array: np.ndarray[Any, Any]) -> bytes:
    kind = KINDS[array.dtype.str[1:]]
    header = struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


PICTURES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
WHOLE = written(PICTURES)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(KINDS)).flatmap(
        lambda kind: nps.arrays(kind, nps.array_shapes(max_dims=4, min_side=0, max_side=5))
    ),
    st.booleans(),
)
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray[Any, Any], compressed: bool
) -> None:
    path = tmp_path_factory.mktemp("idx") / "file"
    path.write_bytes(gzip.compress(written(array)) if compressed else written(array))
    found = read_idx(path)
    assert found.dtype == array.dtype
    assert found.dtype.isnative
    assert found.flags.writeable
    np.testing.assert_array_equal(found, array)


def test_a_file_written_by_hand(tmp_path: Path) -> None:
    """Independent of this file's own writer: two labels, then a row of three 16-bit numbers."""
    (tmp_path / "a").write_bytes(bytes.fromhex("00000801 00000002 07 09"))
    (tmp_path / "b").write_bytes(bytes.fromhex("00000b02 00000001 00000003 0001 0100 ffff"))
    assert read_idx(tmp_path / "a").tolist() == [7, 9]
    assert read_idx(tmp_path / "b").tolist() == [[1, 256, -1]]


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(RockfallError) as caught:
        read_idx(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "header"),
        (b"\0\0\x08", "header"),
        (WHOLE[:9], "header"),
        (WHOLE[:-1], "ends after 23 of 24"),
        (WHOLE[:16], "ends after 0 of 24"),
        (WHOLE + b"x", "goes on after 24"),
        (b"\0\1" + WHOLE[2:], "its header is not that of one"),
        (b"\0\0\x07" + WHOLE[3:], "its header is not that of one"),
        (b"\0\0\x08\0" + WHOLE[4:], "its header is not that of one"),
        (b"<!DOCTYPE html><html>", "its header is not that of one"),
        (b"\0\0\x08\x02" + b"\xff" * 8, "states a size of 4294967295 × 4294967295"),
        (b"\0\0\x0e\xff" + b"\xff" * 255 * 4, "states a size of"),
    ],
)
def test_what_is_wrong_is_told(
    tmp_path: Path, content: bytes, complaint: str, compressed: bool
) -> None:
    assert complaint in refused(
        tmp_path / "file", gzip.compress(content) if compressed else content
    )


def test_a_gzip_that_is_damaged(tmp_path: Path) -> None:
    compressed = gzip.compress(WHOLE)
    refused(tmp_path / "cut", compressed[:-9])
    refused(tmp_path / "cut in its checksum", compressed[:-2])
    refused(tmp_path / "checksum", compressed[:-8] + b"\0\0\0\0" + compressed[-4:])
    refused(tmp_path / "inside", compressed[:12] + bytes([compressed[12] ^ 0xFF]) + compressed[13:])
    refused(tmp_path / "followed", compressed + b"garbage")
    refused(tmp_path / "only the start", b"\x1f\x8b")


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(gzip.compress(WHOLE)) - 1), st.integers(1, 255))
def test_a_changed_byte_is_an_error_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, at: int, by: int
) -> None:
    compressed = bytearray(gzip.compress(WHOLE))
    compressed[at] ^= by
    path = tmp_path_factory.mktemp("idx") / "file"
    path.write_bytes(compressed)
    try:
        found = read_idx(path)
    except RockfallError:
        return
    np.testing.assert_array_equal(found, PICTURES)


@pytest.mark.long
def test_a_bomb_is_not_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(WHOLE + bytes(200_000_000), 1)
    inflated = 0
    read = gzip.GzipFile.read

    def counted(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        nonlocal inflated
        data = read(self, size)
        inflated += len(data)
        return data

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    assert "goes on" in refused(tmp_path / "bomb", bomb)
    assert inflated < 1000


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(RockfallError, match=str(path)):
            read_idx(path)


def test_the_largest_is_larger_than_any_of_ours() -> None:
    assert idx.MAX_BYTES > 60_000 * 28 * 28
