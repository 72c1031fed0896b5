"""Photographs get their preset by themselves; drawings, digits and small pictures do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rockfall
from rockfall_datasets.folder_presets import preset_for

Draw = Callable[[np.random.Generator], Image.Image]


def scene(side: int, colour: float = 1.0, mode: str = "RGB") -> Draw:
    """Soft coloured blobs; `colour` 0: the same in grey, still in three channels."""

    def draw(generator: np.random.Generator) -> Image.Image:
        levels = generator.uniform(0, 255, (4, 6, 3))
        levels = colour * levels + (1 - colour) * levels.mean(2, keepdims=True)
        image = Image.fromarray(levels.astype(np.uint8)).resize((side, side * 3 // 4))
        return image.convert(mode)

    return draw


def drawing(generator: np.random.Generator) -> Image.Image:
    page = np.full((200, 200, 3), 250, np.uint8)
    for _ in range(5):
        row, column = generator.integers(20, 170, 2)
        page[row : row + 4, column : column + 25] = (20, 20, 90)  # a blue pen
    return Image.fromarray(page)


def folder(path: Path, draws: list[Draw], suffix: str = "jpg", classes: int = 2) -> Path:
    generator = np.random.default_rng(0)
    for number in range(12 * classes):
        place = path / f"class{number % classes}"
        place.mkdir(parents=True, exist_ok=True)
        image = draws[number // classes % len(draws)](generator)
        image.save(place / f"{number:02}.{suffix}")
    return path


@pytest.mark.parametrize(
    ("draws", "suffix", "wanted"),
    [
        ([scene(200)], "jpg", "photographs"),
        ([scene(65)], "png", "photographs"),
        ([scene(300, mode="P")], "png", "photographs"),
        ([scene(300, mode="RGBA")], "webp", "photographs"),
        ([scene(200, colour=0.3)], "jpg", "photographs"),
        ([scene(200), scene(200), scene(200, colour=0)], "jpg", "photographs"),
        ([scene(64)], "png", ""),
        ([scene(28, mode="L")], "png", ""),
        ([scene(200, colour=0)], "jpg", ""),
        ([scene(200, mode="L")], "jpg", ""),
        ([scene(200, mode="1")], "png", ""),
        ([drawing], "png", ""),
        ([drawing, drawing, scene(200)], "png", ""),
    ],
)
def test_photographs_are_large_and_in_colour(
    tmp_path: Path, draws: list[Draw], suffix: str, wanted: str
) -> None:
    assert preset_for(str(folder(tmp_path / "pictures", draws, suffix))) == wanted


def test_splits_of_their_own_and_pictures_without_classes_are_looked_at_too(tmp_path: Path) -> None:
    for split in ("train", "test"):
        folder(tmp_path / "split" / split, [scene(100)])
    assert preset_for(str(tmp_path / "split")) == "photographs"
    alone = folder(tmp_path / "alone", [scene(100)], classes=1) / "class0"
    assert preset_for(str(alone)) == "photographs"


def test_what_is_no_folder_suits_nothing(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("")
    for text in ("digits", str(tmp_path / "file.txt"), str(tmp_path / "none"), "\0", ""):
        assert preset_for(text) == ""


def trained(path: Path, out: Path, **how: Any) -> rockfall.Run:
    config = {"layers": (4,), "epochs": 1, **how.pop("config", {})}
    return rockfall.train("mlp", path, config=config, out=out, listeners=[], **how)


@pytest.mark.long
def test_a_folder_of_photographs_trains_by_the_preset(tmp_path: Path) -> None:
    run = trained(folder(tmp_path / "photos", [scene(100)]), tmp_path)
    assert run.record.preset == "photographs"
    assert run.record.config["flip"] is True and run.record.config["crop"] < 1
    assert run.record.source_options == {}
    run = trained(tmp_path / "photos", tmp_path, config={"flip": False, "crop": 1})
    assert run.record.config["flip"] is False and run.record.config["crop"] == 1
    run = trained(tmp_path / "photos", tmp_path, preset="tiny")
    assert run.record.preset == "tiny" and run.record.config["flip"] is False


def test_other_folders_train_by_the_defaults(tmp_path: Path) -> None:
    run = trained(folder(tmp_path / "drawn", [drawing]), tmp_path)
    assert run.record.preset == "" and run.record.config["flip"] is False


@pytest.mark.long
def test_a_preset_says_at_which_size_it_wants_pictures(tmp_path: Path) -> None:
    """`source.size` in a preset is an option like any, and kept in the run."""
    path = folder(tmp_path / "photos", [scene(100)])
    config = {"layers": "conv 2 3x3 / maxpool 8", "epochs": 1}
    how: dict[str, Any] = {"config": config, "out": tmp_path, "listeners": []}
    run = rockfall.train("convnet", path, **how)
    assert run.record.source_options == {"size": 64}
    assert run.record.info["shape"] == [3, 64, 64] or run.record.info["shape"] == (3, 64, 64)
    own = rockfall.train("convnet", path, source_options={"size": 48}, **how)
    assert own.record.source_options == {"size": 48}
    again = rockfall.open_run(run.directory.path)
    assert again.record.open_source().info.shape == (3, 64, 64)
