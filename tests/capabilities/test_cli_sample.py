"""`rockfall sample RUN --out`: a folder of single pictures, or arrays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import rockfall as package
from rockfall import RockfallError, UsageError
from rockfall.errors import RockfallError as Failure
from rockfall.kit import pictures
from rockfall_capabilities.samples.files import check_target, folder_name, is_folder, save_folder
from tests.core.test_cli_train import rockfall
from tests.core.toys import toys


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run of `teller`, which samples by class, and of `pointer`, whose examples are points."""
    path = tmp_path_factory.mktemp("work")
    with toys(path / "site"):
        for words in (("teller", "--name", "told"), ("pointer", "--name", "points")):
            done = rockfall(path, "train", *words)
            assert done.returncode == 0, done.stderr
        yield path


def test_a_folder_of_single_pictures(folder: Path) -> None:
    done = rockfall(folder, "sample", "told", "-n", "11", "--out", "single/")
    assert done.returncode == 0, done.stderr
    assert "wrote single/" in done.stdout
    files = sorted((folder / "single").iterdir())
    assert [file.name for file in files] == [f"{number:02}.png" for number in range(11)]
    rockfall(folder, "sample", "told", "-n", "11", "--out", "arrays.npz")
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        assert list(arrays) == ["samples"]
        wanted = arrays["samples"]
    with Image.open(files[3]) as image:
        assert np.array_equal(np.asarray(image), wanted[3, 0])
    assert wanted.dtype == np.uint8 and wanted.shape[:2] == (11, 1)


def test_a_folder_a_class_which_can_be_trained_on(folder: Path) -> None:
    words = ("--class", "3,5", "-n", "8", "--out", "by-class/", "--json")
    said = json.loads(rockfall(folder, "sample", "told", *words).stdout)
    assert said["out"] == "by-class" and said["classes"] == {"3": 4, "5": 4}
    assert sorted(each.name for each in (folder / "by-class").iterdir()) == ["3", "5"]
    opened = package.open_source(folder / "by-class")
    assert opened.info.classes == ("3", "5")
    rockfall(folder, "sample", "told", "--class", "3,5", "-n", "4", "--out", "by-class.npz")
    with np.load(folder / "by-class.npz", allow_pickle=False) as arrays:
        assert arrays["classes"].tolist() == ["3", "3", "5", "5"]


def test_points_are_arrays(folder: Path) -> None:
    assert rockfall(folder, "sample", "points", "-n", "9", "--out", "points.npz").returncode == 0
    with np.load(folder / "points.npz", allow_pickle=False) as arrays:
        assert arrays["samples"].shape == (9, 2)
    done = rockfall(folder, "sample", "points", "--out", "of-points/")
    assert done.returncode == 2 and "pictures" in done.stderr
    assert not (folder / "of-points").exists()


def test_where_nothing_can_be_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="has files in it"):
        check_target(f"{tmp_path}/full")
    with pytest.raises(UsageError, match="is a file"):
        check_target(f"{tmp_path}/full/mine.txt/")
    with pytest.raises(RockfallError, match="no folder"):
        check_target(f"{tmp_path}/none/new/")
    with pytest.raises(UsageError, match=r"PNG \(or \.npz\)"):
        check_target(f"{tmp_path}/a.jpg")
    assert check_target(f"{tmp_path}/a") == tmp_path / "a.png"
    (tmp_path / "empty.png").mkdir()
    assert is_folder(check_target(f"{tmp_path}/empty.png"))
    assert is_folder(check_target(f"{tmp_path}/v1.5/"))


def test_half_a_folder_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = pictures.save

    def fails(path: Path, picture: torch.Tensor) -> Path:
        if path.stem == "1":
            raise Failure("the disk is full")
        return saved(path, picture)

    monkeypatch.setattr(pictures, "save", fails)
    (tmp_path / "given").mkdir()
    samples = torch.zeros(3, 1, 4, 4, dtype=torch.uint8)
    for name in ("new", "given"):
        with pytest.raises(Failure, match="full"):
            save_folder(tmp_path / name, samples, [])
    assert [each.name for each in tmp_path.iterdir()] == ["given"]
    assert not any((tmp_path / "given").iterdir())


@pytest.mark.parametrize(
    ("kind", "wanted"), [("7", "7"), ("a/b", "a-b"), ("..", "class"), ("../../x", "-..-x")]
)
def test_a_class_names_a_folder_within(kind: str, wanted: str) -> None:
    assert folder_name(kind) == wanted
