"""What is held out goes by what is on the pictures, and what was trained on is known."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import rockfall
from rockfall.errors import RockfallError
from rockfall.kit import digests, pictures
from rockfall.kit.recorded import opened_again
from rockfall.sources.dataset import Dataset
from rockfall.training import draw
from tests.datasets.test_folder import classes, counts, opened, picture, rows


def in_splits(data: Dataset) -> dict[str, set[bytes]]:
    return {name: rows(split) for name, split in data.splits.items()}


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


# By content ------------------------------------------------------------------------------------


def renamed(file: Path, any_of: random.Random) -> Path:
    """Into another order of names; with its own in it, as two may draw the same number."""
    suffix = any_of.choice([".png", ".jpg", ""])
    return file.rename(file.with_name(f"{any_of.random()} {file.stem}{suffix}"))


def described(file: Path, any_of: random.Random) -> None:
    """As a program does that keeps a caption in the file."""
    with Image.open(file) as image:
        exif = image.getexif()
        exif[0x010E] = str(any_of.random())
        image.save(file, "PNG", exif=exif)


def resaved(file: Path, any_of: random.Random) -> None:
    with Image.open(file) as image:
        image.save(file, any_of.choice(["BMP", "TIFF", "PPM", "PNG"]))


CHANGES = [renamed, described, resaved]


@pytest.mark.long
@settings(max_examples=12, deadline=None)
@given(any_of=st.randoms(use_true_random=False), seed=st.integers(0, 3), few=st.integers(3, 6))
def test_names_and_captions_decide_nothing(any_of: random.Random, seed: int, few: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = classes(Path(name), {"a": few, "b": 20}, size=(8, 8))
        before = in_splits(opened(root, seed=seed))
        for file in any_of.sample(files(root), k=any_of.randint(1, few + 20)):
            any_of.choice(CHANGES)(file, any_of)
        after = opened(root, seed=seed)
        assert in_splits(after) == before
        assert after.warnings == ()


@pytest.mark.long
def test_another_seed_draws_others(tmp_path: Path) -> None:
    classes(tmp_path, {"a": 30, "b": 30}, size=(8, 8))
    drawn = {frozenset(rows(opened(tmp_path, seed=seed).test)) for seed in range(6)}
    assert len(drawn) == 6
    everything = set.union(*in_splits(opened(tmp_path)).values())
    assert set.union(*map(set, drawn)) < everything or len(everything) == 60


@pytest.mark.parametrize("most", [2, 5])
def test_copies_of_a_picture_go_the_same_way(tmp_path: Path, most: int) -> None:
    classes(tmp_path, {"a": 20, "b": 20}, size=(8, 8))
    any_of = random.Random(most)
    for file in files(tmp_path):
        for number in range(any_of.randrange(most)):
            shutil.copy(file, file.with_name(f"copy {number} of {file.name}"))
    data = opened(tmp_path)
    parts = list(in_splits(data).values())
    assert len(set.union(*parts)) == sum(map(len, parts)) == 40
    assert data.warnings == ()
    assert sum(map(len, data.splits.values())) == len(files(tmp_path)) > 40


def test_copies_of_nothing_else_can_not_be_kept_apart_and_that_is_said(tmp_path: Path) -> None:
    for name, level in (("black", 0), ("white", 255)):
        for number in range(10):
            path = tmp_path / name / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.new("L", (8, 8), level).save(path)
    data = opened(tmp_path)
    assert counts(data.test) == [2, 2]
    assert "4 of 4 test pictures are in training too (" in " ".join(data.warnings)


def test_the_names_of_the_files_stay_with_their_pictures(tmp_path: Path) -> None:
    classes(tmp_path, {"a": 9, "b": 9, "c": 9}, size=(8, 8))
    for options in ({}, {"classes": "a,c", "limit": 4}, {"size": 5}):
        for split in opened(tmp_path, **options).splits.values():
            assert len(split.files) == len(split)
            for file, label in zip(split.files, split.labels.tolist(), strict=True):
                assert file[0] == ("ac" if "classes" in options else "abc")[label]
            assert split.digests is not None
            found = [pictures.digest(pictures.decode(tmp_path / f).image) for f in split.files]
            assert split.digests.tolist() == found


# Duplicates ------------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [1, 4, 10])
@pytest.mark.parametrize("to", ["test", "validation"])
def test_what_is_in_two_splits_is_said(tmp_path: Path, to: str, copied: int) -> None:
    classes(tmp_path / "train", {"a": 5, "b": 5}, size=(8, 8))
    for name in ("test", "validation"):
        classes(tmp_path / name, {"a": 5, "b": 5}, first=100 * len(name), size=(8, 8))
    for number, file in enumerate(files(tmp_path / "train")[:copied]):
        shutil.copy(file, tmp_path / to / file.parent.name / f"{number:03}.png")
    data = opened(tmp_path)
    total = len(data.splits[to])
    (said,) = data.warnings
    assert said.startswith(f"{copied} of {total} {to} pictures are in training too (")
    assert f"{to}/a/000.png is train/a/000.png" in said
    assert (", and " in said) == (copied > 3)


def test_what_is_in_two_classes_is_said(tmp_path: Path) -> None:
    classes(tmp_path, {"a": 5, "b": 5}, size=(8, 8))
    shutil.copy(tmp_path / "a/001.png", tmp_path / "b/twin.png")
    said = " ".join(opened(tmp_path).warnings)
    assert "1 picture is in two classes (" in said
    assert "a/001.png" in said and "b/twin.png" in said


# What was trained on is not measured on --------------------------------------------------------


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "mine"
    classes(root / "train", {"a": 12, "b": 12}, size=(8, 8))
    classes(root / "test", {"a": 4, "b": 4}, first=500, size=(8, 8))
    rockfall.train("mlp", root, preset="tiny", name="run", listeners=[])
    return root


def measured() -> int:
    """How many test pictures it is measured on."""
    return rockfall.evaluate(rockfall.open_run("run"))["test accuracy"]["count"]


def test_the_run_remembers_what_it_was_trained_on(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = json.loads(Path("runs/run/run.json").read_text())
    data = opened(trained)
    assert data.train.digests is not None
    kept = digests.from_text(record["info"]["digests"])
    assert torch.equal(kept, data.train.digests)
    assert measured() == 8
    assert "warning" not in capsys.readouterr().err


def test_what_was_trained_on_is_left_out(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = opened(trained).train.files
    for number, file in enumerate(known[:3]):
        renamed(trained / file, random.Random(number)).rename(trained / "test/a" / f"x{number}")
    assert measured() == 8
    said = capsys.readouterr().err
    assert f"3 of 11 test pictures of {trained} were trained on, and are left out" in said


def test_where_all_was_trained_on_nothing_is_measured(trained: Path) -> None:
    known = [trained / file for file in opened(trained).train.files]
    shutil.rmtree(trained / "test")
    for file in known:
        to = trained / "test" / file.parent.name / file.name
        to.parent.mkdir(parents=True, exist_ok=True)
        file.rename(to)
    classes(trained / "train", {"a": 5, "b": 5}, first=900, size=(8, 8))
    run = rockfall.open_run("run")
    for again in (rockfall.evaluate, draw):
        with pytest.raises(RockfallError, match=r"all \d+ test pictures of .* were trained on"):
            again(run)


def test_identical_train_and_test_are_said_and_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    classes(tmp_path / "mine/train", {"a": 6, "b": 6}, size=(8, 8))
    shutil.copytree(tmp_path / "mine/train", tmp_path / "mine/test")
    heard: list[Any] = []
    run = rockfall.train("mlp", "./mine", preset="tiny", name="run", listeners=[heard.append])
    said = [event.data["message"] for event in heard if event.kind == "warning"]
    assert any("of 12 test pictures are in training too" in text for text in said)
    assert run.result is not None
    figures = run.result["figures"]
    assert not figures or figures["test accuracy"]["count"] == 2  # those held out for validation
    (Path("runs/run/result.json")).unlink()
    rockfall.resume("run", listeners=[])


def test_one_that_is_all_known_finishes_without_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("train", "valid"):
        first = 0 if name == "train" else 300
        classes(tmp_path / "mine" / name, {"a": 6, "b": 6}, first=first, size=(8, 8))
    shutil.copytree(tmp_path / "mine/train", tmp_path / "mine/test")
    heard: list[Any] = []
    run = rockfall.train("mlp", "./mine", preset="tiny", name="run", listeners=[heard.append])
    assert run.result is not None and run.result["figures"] == {}
    said = [event.data["message"] for event in heard if event.kind == "warning"]
    assert "all 12 test pictures of " in said[-1]
    again = rockfall.resume("run", listeners=[])
    assert again.result is not None and again.result["figures"] == {}
    with pytest.raises(RockfallError, match="were trained on, so nothing can be measured"):
        rockfall.evaluate(rockfall.open_run("run"))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 2**48 - 1), max_size=40))
def test_digests_are_written_and_read(values: list[int]) -> None:
    text = digests.to_text(torch.tensor(values, dtype=torch.int64))
    assert len(text) == 8 * len(values)
    assert digests.from_text(text).tolist() == values


# Runs of version 0.1 ----------------------------------------------------------------------------


def by_name(root: Path, seed: int) -> dict[str, list[str]]:
    """As version 0.1 held out: drawn from the sorted names of each class."""
    left = {name: sorted(path.name for path in (root / name).iterdir()) for name in ("a", "b")}
    found: dict[str, list[str]] = {}
    for split, fraction in (("test", 0.2), ("validation", 0.1)):
        generator = torch.Generator().manual_seed(seed)
        for name, names in left.items():
            drawn = torch.randperm(len(names), generator=generator)
            held = {names[i] for i in drawn[: max(1, round(fraction * len(names)))].tolist()}
            found.setdefault(split, []).extend(f"{name}/{each}" for each in names if each in held)
            left[name] = [each for each in names if each not in held]
    found["train"] = [f"{name}/{each}" for name, names in left.items() for each in names]
    return found


@pytest.mark.parametrize("seed", [0, 7])
def test_a_run_of_an_earlier_version_finds_its_own_splits(tmp_path: Path, seed: int) -> None:
    root = classes(tmp_path / "mine", {"a": 13, "b": 24}, size=(8, 8))
    picture(root / "a/later.bmp", 77, size=(8, 8))  # of a format that was not taken
    info = opened(root).info.to_json()
    with opened_again({**info, "preparation": None, "digests": None}):
        former = opened(root, seed=seed)
    (root / "a/later.bmp").unlink()
    expected = by_name(root, seed)
    assert {name: list(split.files) for name, split in former.splits.items()} == expected
    with opened_again(info):
        assert in_splits(opened(root, seed=seed)) == in_splits(opened(root, seed=seed))
    assert list(opened(root, seed=seed).test.files) != expected["test"]


def test_a_run_of_an_earlier_version_is_measured_on_what_it_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = classes(tmp_path / "mine", {"a": 20, "b": 20}, size=(8, 8))
    rockfall.train("mlp", root, preset="tiny", name="run", listeners=[])
    path = Path("runs/run/run.json")
    record = json.loads(path.read_text())
    for later in ("preparation", "digests"):
        del record["info"][later]
    path.write_text(json.dumps(record))
    source: Any = rockfall.open_run("run").record.open_source()
    assert list(source.test.files) == by_name(root, 0)["test"]
