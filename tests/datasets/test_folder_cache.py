"""Decoded pictures are kept, and used only as long as decoding would give the same ones."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rockfall.kit import checkpoint, pictures
from rockfall.sources.dataset import Dataset
from rockfall_datasets import folder_cache
from tests.datasets.test_folder import classes, opened, picture

SETTLED = 0.02
"""Seconds; of Linux's file systems, which tell changes apart that are 4 ms and more apart."""


@contextlib.contextmanager
def keeping(data: Path) -> Iterator[list[Path]]:
    """Everything is kept, in this data folder; gives the pictures that are decoded meanwhile."""
    decode, seen = pictures.decode, []

    def seeing(path: Path) -> object:
        seen.append(path)
        return decode(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROCKFALL_DATA", str(data))
        patch.setattr(folder_cache, "WORTH", 0.0)
        patch.setattr(folder_cache, "SETTLED", SETTLED)
        patch.setattr(pictures, "decode", seeing)
        yield seen


def settle() -> None:
    time.sleep(1.5 * SETTLED)


def same(ours: Dataset, theirs: Dataset) -> bool:
    assert ours.info.classes == theirs.info.classes
    assert ours.splits.keys() == theirs.splits.keys()
    return all(
        torch.equal(our, their)
        for name in ours.splits
        for our, their in zip(ours.splits[name][:], theirs.splits[name][:], strict=True)
    )


def kept(data: Path) -> list[Path]:
    return sorted((data / folder_cache.FOLDER).glob("*"))


def draw_anew(file: Path, any_of: random.Random) -> None:
    picture(file, any_of.randrange(2**31), size=(8, 8))


def draw_in_secret(file: Path, any_of: random.Random) -> None:
    """Of the same size, and with the time of the old one, as `cp -p` and `rsync -t` leave it."""
    about, content = file.stat(), bytearray(file.read_bytes())
    other = file.with_name("other.png")
    for _ in range(100):
        picture(other, any_of.randrange(2**31), size=(8, 8))
        if other.stat().st_size == len(content):
            break
    content[:] = other.read_bytes()
    other.unlink()
    file.write_bytes(content)
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))


def add(file: Path, any_of: random.Random) -> None:
    draw_anew(file.with_name(f"{any_of.randrange(10**6)}.png"), any_of)


def remove(file: Path, any_of: random.Random) -> None:
    if len(list(file.parent.iterdir())) > 3:  # fewer can't be split
        file.unlink()


def rename(file: Path, any_of: random.Random) -> None:
    file.rename(file.with_name(f"{any_of.randrange(10**6)}.png"))


def move(file: Path, any_of: random.Random) -> None:
    if len(list(file.parent.iterdir())) > 3:
        to = "b" if file.parent.name == "a" else "a"
        file.rename(file.parent.parent / to / f"{any_of.randrange(10**6)}.png")


def swap(file: Path, any_of: random.Random) -> None:
    other = any_of.choice(sorted(file.parent.parent.glob("*/*.png")))
    if other != file:
        third = file.with_name("third")
        file.rename(third)
        other.rename(file)
        third.rename(other)


CHANGES = [draw_anew, draw_in_secret, add, remove, rename, move, swap]


@pytest.mark.long
@settings(max_examples=6, deadline=None)
@given(changes=st.lists(st.sampled_from(CHANGES), min_size=1, max_size=4), any_of=st.randoms())
def test_what_is_given_is_what_decoding_gives(
    changes: list[Callable[[Path, random.Random], None]], any_of: random.Random
) -> None:
    with tempfile.TemporaryDirectory() as name:
        root, data, nothing = (Path(name) / each for each in ("root", "data", "nothing"))
        classes(root, {"a": 4, "b": 4}, size=(8, 8))
        for change in (None, *changes):
            if change is not None:
                change(any_of.choice(sorted(root.glob("*/*.png"))), any_of)
            settle()
            with keeping(nothing):
                expected = opened(root)
            for file in kept(nothing):
                file.unlink()
            with keeping(data) as decoded:
                assert same(opened(root), expected)
                decoded.clear()
                assert same(opened(root), expected)  # kept now, if it was not
            assert not decoded
            assert len(kept(data)) == 1  # the new ones took the place of the old


def test_options_are_kept_apart(tmp_path: Path) -> None:
    root = classes(tmp_path / "root", {"a": 4, "b": 4}, size=(8, 8))
    settle()
    with keeping(tmp_path / "data") as decoded:
        for _ in range(2):
            assert opened(root).info.shape == (3, 8, 8)
            assert opened(root, size=5).info.shape == (3, 5, 5)
            assert opened(root, colour=False).info.shape == (1, 8, 8)
            opened(root, seed=3)  # splits are drawn after
        assert len(decoded) == 3 * 8


def test_what_has_just_changed_is_not_kept(tmp_path: Path) -> None:
    """The next change, of the same size, may leave no trace."""
    root = classes(tmp_path / "root", {"a": 4, "b": 4}, size=(8, 8))
    with keeping(tmp_path / "data"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder_cache, "SETTLED", 60.0)
        opened(root)
    assert not kept(tmp_path / "data")


def test_what_changes_while_it_is_read_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = classes(tmp_path / "root", {"a": 4, "b": 4}, size=(8, 8))
    settle()
    sides = pictures.sides

    def changing(path: Path) -> tuple[int, int]:
        found = sides(path)
        if path.name == "003.png":
            picture(root / "a" / "000.png", 99, size=(8, 8))
        return found

    with keeping(tmp_path / "data"):
        monkeypatch.setattr(pictures, "sides", changing)
        monkeypatch.setattr(folder_cache, "SETTLED", 0.0)
        opened(root)
    assert not kept(tmp_path / "data")


def test_what_is_soon_decoded_is_not_kept(tmp_path: Path) -> None:
    root = classes(tmp_path / "root", {"a": 4, "b": 4}, size=(8, 8))
    settle()
    with keeping(tmp_path / "data"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder_cache, "WORTH", 60.0)
        opened(root)
    assert not kept(tmp_path / "data")


def forge(file: Path, **other: object) -> None:
    """With a right digest, as somebody would make it up."""
    checkpoint.write(file, {**checkpoint.read(file), **other})


DAMAGES: dict[str, Callable[[Path, random.Random], object]] = {
    "cut": lambda file, r: os.truncate(file, r.randrange(file.stat().st_size)),
    "flipped": lambda file, r: flip(file, r.randrange(file.stat().st_size)),
    "noise": lambda file, r: file.write_bytes(r.randbytes(r.randrange(300))),
    "pickle": lambda file, r: file.write_bytes(b"\x80\x04cos\nsystem\n."),
    "pipe": lambda file, r: (file.unlink(), os.mkfifo(file)),
    "link": lambda file, r: (
        file.rename(file.with_name("elsewhere")),
        file.symlink_to("elsewhere"),
    ),
    "device": lambda file, r: (file.unlink(), file.symlink_to("/dev/zero")),
    "a list": lambda file, r: checkpoint.write(file, [1, 2]),
    "no pictures": lambda file, r: forge(file, inputs=None),
    "other pictures": lambda file, r: forge(file, state=""),
    "fewer": lambda file, r: forge(file, inputs=torch.zeros(2, 3, 8, 8, dtype=torch.uint8)),
    "empty": lambda file, r: forge(file, inputs=torch.zeros(8, 3, 0, 8, dtype=torch.uint8)),
    "channels": lambda file, r: forge(file, inputs=torch.zeros(8, 2, 8, 8, dtype=torch.uint8)),
    "floats": lambda file, r: forge(file, inputs=torch.zeros(8, 3, 8, 8)),
    "flat": lambda file, r: forge(file, inputs=torch.zeros(8, dtype=torch.uint8)),
}


def flip(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


@pytest.mark.long
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_not_what_was_kept_is_decoded_again(tmp_path: Path, damage: str) -> None:
    root, data = tmp_path / "root", tmp_path / "data"
    classes(root, {"a": 4, "b": 4}, size=(8, 8))
    settle()
    with keeping(data) as decoded:
        expected = opened(root)
        for seed in range(2):
            (file,) = (each for each in kept(data) if each.suffix)
            DAMAGES[damage](file, random.Random(seed))
            decoded.clear()
            assert same(opened(root), expected)
            assert decoded
            decoded.clear()
            assert same(opened(root), expected)
            assert not decoded


@pytest.mark.parametrize("obstacle", ["a file", "read-only"])
def test_where_nothing_can_be_kept_pictures_are_there_all_the_same(
    tmp_path: Path, obstacle: str
) -> None:
    root = classes(tmp_path / "root", {"a": 4, "b": 4}, size=(8, 8))
    settle()
    data = tmp_path / "data"
    if obstacle == "a file":
        data.write_text("")
    else:
        data.mkdir(mode=0o500)
    with keeping(data):
        assert len(opened(root).splits["train"])


def test_the_whole_is_bounded_and_the_longest_unused_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = [classes(tmp_path / name, {"a": 4, "b": 4}, size=(8, 8)) for name in "1234567"]
    settle()
    data = tmp_path / "data"
    with keeping(data) as decoded:
        opened(roots[0])
        most = 5 * kept(data)[0].stat().st_size
        monkeypatch.setattr(folder_cache, "MOST_BYTES", most)
        for root in roots[1:5]:
            opened(root)
        opened(roots[0])  # used again
        (data / "folders" / ".writing-1.safetensors.1-x").write_bytes(bytes(most // 5))
        opened(roots[5])
        assert sum(file.stat().st_size for file in kept(data)) <= most
        decoded.clear()
        opened(roots[0])
        opened(roots[5])
        assert not decoded
        opened(roots[1])
        assert decoded


def test_a_grey_folder_takes_no_memory_for_colours(tmp_path: Path) -> None:
    """And one with a single coloured picture, wherever it is, has three channels."""
    for coloured in (None, "a/000.png", "b/002.png", "b/003.png"):
        root = classes(tmp_path / str(coloured).replace("/", "-"), {"a": 4, "b": 4}, mode="L")
        if coloured:
            picture(root / coloured, 3)
        data = opened(root)
        assert data.info.shape == ((3 if coloured else 1), 40, 40)
        forced = opened(root, colour=True)
        for name, split in data.splits.items():
            assert torch.equal(
                split.inputs.expand_as(forced.splits[name].inputs), forced.splits[name].inputs
            )
