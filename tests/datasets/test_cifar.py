"""The binary CIFAR format: pixels and labels where they belong; errors name the record."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rockfall.errors import RockfallError
from rockfall_datasets.archive import extract
from rockfall_datasets.cifar import read_records


def batch(labels: list[tuple[int, ...]], seed: int = 0) -> tuple[bytes, np.ndarray]:
    """The file's bytes, and its pictures (N, 3, 32, 32)."""
    pictures = np.random.default_rng(seed).integers(0, 256, (len(labels), 3, 32, 32), np.uint8)
    rows = zip(labels, pictures, strict=True)
    return b"".join(bytes(label) + picture.tobytes() for label, picture in rows), pictures


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 99)), max_size=4), st.integers(0, 9))
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, labels: list[tuple[int, int]], seed: int
) -> None:
    path = tmp_path_factory.mktemp("cifar") / "train.bin"
    content, pictures = batch(list(labels), seed)
    path.write_bytes(content)
    pixels, fine = read_records(path, len(labels), (20, 100))
    np.testing.assert_array_equal(pixels, pictures.reshape(len(labels), 3072))
    assert fine.tolist() == [label[1] for label in labels]


@pytest.mark.parametrize(
    ("labels", "classes", "complaint"),
    [
        (
            [(9,), (0,), (11,)],
            (10,),
            "record 2 has the label 11, but labels of 10 classes are 0 … 9",
        ),
        ([(0,), (10,), (255,)], (10,), "record 1 has the label 10"),
        ([(19, 99), (20, 99)], (20, 100), "record 1 has the label 20"),
        ([(19, 100), (19, 99)], (20, 100), "record 0 has the label 100"),
    ],
)
def test_a_label_of_no_class(
    tmp_path: Path, labels: list[tuple[int, ...]], classes: tuple[int, ...], complaint: str
) -> None:
    path = tmp_path / "data_batch_3.bin"
    path.write_bytes(batch(labels)[0])
    with pytest.raises(RockfallError) as caught:
        read_records(path, len(labels), classes)
    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("size", [0, 1, 3072, 2 * 3073 - 1, 2 * 3073 + 1, 3 * 3073])
def test_a_file_of_another_length(tmp_path: Path, size: int) -> None:
    path = tmp_path / "test_batch.bin"
    path.write_bytes(bytes(size))
    with pytest.raises(RockfallError, match=f"{size:,} bytes, but 2 records have 6,146"):
        read_records(path, 2, (10,))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(RockfallError, match=r"can't read .*none"):
        read_records(tmp_path / "none", 1, (10,))


# The archive -------------------------------------------------------------------------------------

SIZES = {"set/a.bin": 5, "set/b.bin": 4}


def packed(path: Path, *members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size, info.type = len(content), kind
            if kind == tarfile.SYMTYPE:
                info.size, info.linkname = 0, "/etc/passwd"
            tar.addfile(info, io.BytesIO(content))
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refused(archive: Path, into: Path) -> str:
    with pytest.raises(RockfallError) as caught:
        extract(archive, SIZES, into)
    assert str(archive) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


A, B = ("set/a.bin", b"aaaaa"), ("set/b.bin", b"bbbb")


def test_only_named_members_are_extracted(tmp_path: Path) -> None:
    archive = packed(tmp_path / "x.tgz", ("set/readme", b"!"), A, ("../out", b"!"), B)
    extract(archive, SIZES, tmp_path / "deep" / "into")
    assert files(tmp_path / "deep") == {"into/set/a.bin": b"aaaaa", "into/set/b.bin": b"bbbb"}
    assert not (tmp_path / "deep" / "out").exists()


def test_what_an_archive_must_have(tmp_path: Path) -> None:
    into = tmp_path / "into"
    assert "it has no set/b.bin" in refused(packed(tmp_path / "1", A), into)
    longer = packed(tmp_path / "2", A, ("set/b.bin", b"longer"))
    assert "set/b.bin has 6 bytes, not 4" in refused(longer, into)
    assert "it has no set/a.bin" in refused(
        packed(tmp_path / "3", A, B, kind=tarfile.SYMTYPE), into
    )
    assert files(into) == {"set/a.bin": b"aaaaa"}  # whole, and checked again when it is read


@pytest.mark.parametrize("length", [0, 5, 20, -9])
def test_an_archive_that_is_cut(tmp_path: Path, length: int) -> None:
    noise = np.random.default_rng(0).bytes(60_000)
    archive = packed(tmp_path / "x.tgz", ("set/a.bin", noise))
    archive.write_bytes(archive.read_bytes()[: length if length >= 0 else 30_000])
    with pytest.raises(RockfallError, match=r"x\.tgz is not the published archive"):
        extract(archive, {"set/a.bin": len(noise)}, tmp_path / "into")
    assert files(tmp_path / "into" if (tmp_path / "into").exists() else tmp_path) in (
        {},
        {"x.tgz": archive.read_bytes()},
    )


def test_garbage_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "x.tgz").write_bytes(b"<html>" * 1000)
    refused(tmp_path / "x.tgz", tmp_path / "into")


def test_an_archive_that_is_mostly_something_else(tmp_path: Path) -> None:
    """A bomb is given up long before it has been inflated."""
    archive = packed(tmp_path / "x.tgz", ("bomb", bytes(30_000_000)), A, B)
    assert "it has no set/a.bin, set/b.bin" in refused(archive, tmp_path / "into")
    assert not (tmp_path / "into").exists()
