"""Nothing that people's folders hold is left out without a word."""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rockfall.errors import UsageError
from rockfall.sources.opening import open_source
from rockfall_datasets import folder_cache, folder_layout
from tests.core.test_cli_train import rockfall
from tests.datasets.test_folder import classes, opened, picture
from tests.datasets.test_folder_cache import keeping, settle
from tests.kit.test_picture_files import HEIC

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
NAMES = (".jfif", ".jpe", ".JPG", ".ppm", ".pnm", "", ".x", ".gif", ".TIF", ".dat", ".0001")


@pytest.mark.long
@settings(max_examples=15, deadline=None)
@given(
    kinds=st.lists(st.tuples(st.sampled_from(FORMATS), st.sampled_from(NAMES)), min_size=8),
    seed=st.integers(0, 1000),
)
def test_every_picture_is_taken_whatever_its_name(kinds: list[tuple[str, str]], seed: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for number, (kind, end) in enumerate(kinds):
            path = root / "ab"[number % 2] / f"{number}{end}"
            path.parent.mkdir(exist_ok=True)
            noise = np.random.default_rng(seed + number).integers(0, 256, (9, 7, 3), np.uint8)
            Image.fromarray(noise).save(path, kind)
        data = opened(root)
        assert sum(data.info.sizes.values()) == len(kinds)
        assert data.warnings == ()


# Damaged ones ----------------------------------------------------------------------------------


def truncate(path: Path, any_of: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: any_of.randrange(300)])


def overwrite(path: Path, any_of: random.Random) -> None:
    path.write_bytes(any_of.randbytes(any_of.randrange(300)))


def is_heic(path: Path, any_of: random.Random) -> None:
    path.write_bytes(HEIC)


def is_text(path: Path, any_of: random.Random) -> None:
    path.write_text("<html>404</html>")


@pytest.mark.long
@settings(max_examples=12, deadline=None)
@given(any_of=st.randoms(use_true_random=False), count=st.integers(1, 12))
def test_all_that_are_damaged_are_named_at_once_and_can_be_skipped(
    any_of: random.Random, count: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = classes(Path(name), {"a": 11, "b": 11}, size=(24, 24))
        paths = sorted(root.rglob("*.png"))
        damaged = any_of.sample(paths[3:11], min(count, 8)) + any_of.sample(paths[14:], count // 3)
        for path in damaged:
            any_of.choice([truncate, overwrite, is_heic, is_text])(path, any_of)
        with pytest.raises(UsageError) as caught:
            open_source(root)
        said = str(caught.value)
        assert all(str(path) in said for path in damaged)
        assert said.count(".png") == len(damaged)
        assert "source.skip_damaged=true goes on without" in said
        assert "\n" not in said
        data = opened(root, skip_damaged=True)
        taken = {file for split in data.splits.values() for file in split.files}
        assert taken == {str(path.relative_to(root)) for path in set(paths) - set(damaged)}
        (warning,) = data.warnings
        plural = "s" * (len(damaged) != 1)
        assert warning.startswith(
            f"left out, since they can't be read: {len(damaged)} file{plural} ("
        )


def test_of_very_many_only_some_are_named(tmp_path: Path) -> None:
    classes(tmp_path, {"a": 40, "b": 40}, size=(8, 8))
    for path in sorted(tmp_path.rglob("*.png"))[5:]:
        path.write_bytes(b"")
    with pytest.raises(
        UsageError, match=r"^75 of 80 files can't be used: .*; and 55 more; take"
    ) as e:
        open_source(tmp_path)
    assert str(e.value).count("can't be read as a picture") == 20


def test_without_the_damaged_too_few_may_be_left(tmp_path: Path) -> None:
    classes(tmp_path, {"a": 3, "b": 4}, size=(8, 8))
    (tmp_path / "a/000.png").write_bytes(b"")
    with pytest.raises(
        UsageError, match=r"class a has 2 pictures for training, .* needs 3 or more"
    ):
        open_source(tmp_path, {"skip_damaged": "true"})


def test_what_is_wrong_with_files_is_kept_with_the_others(tmp_path: Path) -> None:
    root = classes(tmp_path / "root", {"a": 5, "b": 5}, size=(8, 8))
    (root / "a/002.png").write_bytes(b"")
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(root / "b/film.gif", save_all=True, append_images=frames[1:])
    settle()
    with keeping(tmp_path / "data") as decoded:
        first = opened(root, skip_damaged=True)
        assert decoded
        decoded.clear()
        again = opened(root, skip_damaged=True)
        assert again.warnings == first.warnings
        assert again.info == first.info
        with pytest.raises(UsageError, match=r"002\.png"):
            open_source(root)
        assert not decoded
    assert len(list((tmp_path / "data" / folder_cache.FOLDER).iterdir())) == 1


# What is said ----------------------------------------------------------------------------------


def test_what_is_no_picture_is_said_to_be_passed_over(tmp_path: Path) -> None:
    classes(tmp_path, {"a": 4, "b": 4}, size=(8, 8))
    for name in ("a/notes.txt", "labels.csv", "b/README", "b/film.mp4", "a/Pyramid"):
        (tmp_path / name).write_bytes(b"Pyramids")
    (said,) = opened(tmp_path).warnings
    assert said.startswith("passed over, since they are no pictures: 5 files (")
    assert said.endswith(", and 2 more)")


def test_a_film_is_said_to_be_taken_by_its_first_frame(tmp_path: Path) -> None:
    classes(tmp_path, {"a": 4, "b": 4}, size=(8, 8))
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "lime")]
    frames[0].save(tmp_path / "b/film.webp", save_all=True, append_images=frames[1:], lossless=True)
    data = opened(tmp_path)
    (said,) = data.warnings
    assert said == "not taken as they are: 1 file (b/film.webp: the first of 3 frames)"


# Layouts ---------------------------------------------------------------------------------------

JUNK = sorted(folder_layout.IGNORED - {"thumbs.db", "desktop.ini", "picasa.ini", "ehthumbs.db"})


@pytest.mark.parametrize("junk", [*JUNK, "@eaDir", "@Recycle", "$RECYCLE.BIN", ".thumbnails"])
def test_what_systems_and_drives_leave_is_no_class(tmp_path: Path, junk: str) -> None:
    classes(tmp_path, {"a": 4, "b": 4}, size=(8, 8))
    picture(tmp_path / junk / "a@SynoEAStream.png")
    picture(tmp_path / "a" / junk / "000.png/SYNOPHOTO_THUMB_M.jpg")
    data = opened(tmp_path)
    assert data.info.classes == ("a", "b")
    assert sum(data.info.sizes.values()) == 8
    assert data.warnings == ()


TRAIN, TEST, VALIDATION = (
    ("train", "training", "Train"),
    ("test", "testing", "TEST"),
    (
        "validation",
        "valid",
        "val",
        "Valid",
    ),
)


@pytest.mark.long
@settings(max_examples=15, deadline=None)
@given(
    train=st.sampled_from(TRAIN),
    test=st.sampled_from(("", *TEST)),
    validation=st.sampled_from(("", *VALIDATION)),
)
def test_splits_by_whatever_people_call_them(train: str, test: str, validation: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        given_ = {"train": train, "test": test, "validation": validation}
        for number, folder in enumerate(filter(None, given_.values())):
            classes(root / folder, {"a": 5, "b": 5}, first=100 * number, size=(6, 6))
        data = opened(root)
        assert data.info.classes == ("a", "b")
        for split, folder in given_.items():
            found = Counter(file.split("/")[0] for file in data.splits[split].files)
            assert set(found) == {folder or train}
            if folder and split != "train":
                assert found[folder] == 10


@pytest.mark.parametrize("both", [("val", "valid"), ("test", "testing"), ("train", "training")])
def test_two_of_one_split(tmp_path: Path, both: tuple[str, str]) -> None:
    for name in {"train", *both}:
        classes(tmp_path / name, {"a": 4, "b": 4}, size=(6, 6))
    with pytest.raises(UsageError, match=f"has both {both[0]}/ and {both[1]}/: keep one"):
        open_source(tmp_path)


def test_a_folder_too_deep_names_the_one_to_take(tmp_path: Path) -> None:
    classes(tmp_path / "outer/inner", {"a": 4, "b": 4}, size=(6, 6))
    with pytest.raises(
        UsageError, match=r"outer/inner/a is a folder in a class folder.* take .*inner"
    ):
        open_source(tmp_path / "outer")


# As typed --------------------------------------------------------------------------------------


def test_show_counts_each_class_warns_and_suggests_a_classifier(tmp_path: Path) -> None:
    classes(tmp_path / "mine", {"cat": 12, "dog": 7}, size=(8, 8))
    (tmp_path / "mine/notes.txt").write_text("hello")
    done = rockfall(tmp_path, "show", "mine")
    assert done.returncode == 0, done.stderr
    assert "of each: 12 cat, 7 dog\n" in done.stdout
    assert "passed over, since they are no pictures: 1 file (notes.txt)\n" in done.stdout
    suggested = done.stdout.splitlines()[-1].split()[3]
    known = json.loads(rockfall(tmp_path, "info", suggested, "--json").stdout)
    assert "classifies" in known["capabilities"]
    data: dict[str, Any] = json.loads(rockfall(tmp_path, "show", "mine", "--json").stdout)
    assert data["counts"] == {"cat": 12, "dog": 7}
    assert "digests" not in data
    assert data["warnings"] == ["passed over, since they are no pictures: 1 file (notes.txt)"]


def test_training_tells_what_the_folder_warns_of(tmp_path: Path) -> None:
    classes(tmp_path / "mine", {"cat": 12, "dog": 7}, size=(8, 8))
    (tmp_path / "mine/cat/003.png").write_bytes(b"")
    words = ("train", "mlp", "mine", "--preset", "tiny")
    done = rockfall(tmp_path, *words)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cat/003.png can't be read as a picture" in done.stderr
    done = rockfall(tmp_path, *words, "source.skip_damaged=true")
    assert done.returncode == 0, done.stderr
    assert "left out, since they can't be read: 1 file (cat/003.png)" in done.stderr + done.stdout
