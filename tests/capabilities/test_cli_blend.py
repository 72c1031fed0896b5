"""`rockfall blend`, `latent`, and what `sample` does with classes, points and a training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rockfall.kit.drawing.sheets import sheet
from rockfall.sources.opening import open_source
from rockfall_capabilities.blends.drawing import HOLD
from rockfall_capabilities.blends.representatives import representatives
from tests.core.test_cli_train import rockfall
from tests.core.toys import toys


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run of each of `blender`, `teller`, `pointer`, `maker`; `sevens` knows one class alone."""
    path = tmp_path_factory.mktemp("work")
    with toys(path / "site"):
        for words in (
            ("blender", "width=20", "--name", "blends"),
            ("blender", "source.classes=7", "--name", "sevens"),
            ("teller", "--name", "told"),
            ("pointer", "--name", "points"),
            ("maker", "--name", "makes"),
        ):
            done = rockfall(path, "train", *words)
            assert done.returncode == 0, done.stderr
        yield path


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def frames(path: Path) -> list[np.ndarray]:
    with Image.open(path) as film:
        shown = []
        for number in range(film.n_frames):  # type: ignore[attr-defined]
            film.seek(number)
            shown.append((np.asarray(film.convert("RGB")).astype(int), film.info["duration"]))
    return [frame for frame, lasts in shown for _ in range(round(lasts / 67))]


def found(page: np.ndarray, part: np.ndarray) -> tuple[int, int]:
    """The row and column at which a picture begins on a page."""
    windows = np.lib.stride_tricks.sliding_window_view(page[..., 0], part.shape[:2])
    row, column = np.argwhere((windows == part[..., 0]).all((2, 3)))[0]
    return int(row), int(column)


def typical(*labels: int, seed: int | None = None) -> torch.Tensor:
    source: Any = open_source("digits")
    return representatives(source.test, labels, seed).inputs


def tiles(pictures: torch.Tensor) -> np.ndarray:
    return np.asarray(sheet([("", pictures)])).astype(int)


def refused(folder: Path, *words: str, code: int = 2) -> str:
    done = rockfall(folder, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


# blend ------------------------------------------------------------------------------------------


def between(pair: torch.Tensor, steps: int) -> torch.Tensor:
    share = torch.linspace(0, 1, steps)[:, None, None, None]
    return ((1 - share) * pair[0].float() + share * pair[1].float()).to(torch.uint8)


@pytest.mark.long
def test_a_strip_from_one_class_to_another(folder: Path) -> None:
    done = rockfall(folder, "blend", "blends", "0", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "0 to 2, by blends",
        "wrote blends-blend.png",
        "next: rockfall blend blends 0 2 --seed 1  ·  rockfall show blends",
    ]
    page = pixels(folder / "blends-blend.png")
    ends = typical(0, 2)
    first, made, last = (
        found(page, tiles(part)) for part in (ends[:1], between(ends, 9), ends[1:])
    )
    assert first[0] == made[0] == last[0]
    assert first[1] < 50 < made[1] < 100 < 450 < last[1]


@pytest.mark.long
def test_through_several_with_other_examples(folder: Path) -> None:
    words = ("blend", "blends", "7", "1", "1", "--steps", "5", "--seed", "3", "--out", "s")
    done = rockfall(folder, *words)
    assert done.returncode == 0, done.stderr
    assert "--seed 4" in done.stdout
    chosen = typical(7, 1, 1, seed=3)
    assert not torch.equal(chosen[1], chosen[2])
    page = pixels(folder / "s.png")
    upper, lower = (found(page, tiles(between(pair, 5))) for pair in (chosen[:2], chosen[1:]))
    assert upper[0] < lower[0] - 50
    assert upper[1] == lower[1]


@pytest.mark.long
def test_a_film_goes_there_and_back(folder: Path) -> None:
    done = rockfall(folder, "blend", "blends", "0", "2", "--gif", "film.gif", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "run": "blends",
        "terms": ["0", "2"],
        "weights": None,
        "seed": None,
        "picture": None,
        "gif": "film.gif",
    }
    shown = frames(folder / "film.gif")
    assert len(shown) == 2 * 31 + 2 * HOLD
    middle = (len(shown) + HOLD) // 2
    first, last = (
        np.asarray(end.expand(3, 8, 8).permute(1, 2, 0)).repeat(32, 0).repeat(32, 1)
        for end in typical(0, 2)
    )
    assert np.abs(shown[0] - first).max() < 40  # as near as 256 colours come
    assert np.abs(shown[middle - 2] - last).max() < 40
    there, back = shown[HOLD : HOLD + 31], shown[-31:][::-1]
    assert all(np.array_equal(one, other) for one, other in zip(there, back, strict=True))
    assert not (folder / "film.png").exists()


@pytest.mark.long
@pytest.mark.parametrize("words", [("--weights", "-1,1,0.5"), ("--weights=-1,1,0.5",)])
def test_a_weighted_sum(folder: Path, words: tuple[str, ...]) -> None:
    done = rockfall(folder, "blend", "blends", "3", "8", "1", *words, "--out", "sum.png")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "-3 + 8 + 0.5 x 1, by blends",
        "wrote sum.png",
        "next: rockfall blend blends 3 8 1 --seed 1 --weights -1,1,0.5  ·  rockfall show blends",
    ]
    given = typical(3, 8, 1)
    weights = torch.tensor([-1, 1, 0.5])[:, None, None, None]
    made = (weights * given.float()).sum(0).clamp(0, 255).to(torch.uint8)
    page = pixels(folder / "sum.png")
    for picture in (*given, made):
        assert found(page, tiles(picture[None]))


@pytest.mark.long
def test_a_picture_file_needs_no_data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, level in (("dark.png", 0), ("light.png", 200)):
        Image.new("L", (8, 8), level).save(folder / name)
    monkeypatch.setattr("rockfall.sources.opening.open_source", None)
    done = rockfall(folder, "blend", "blends", "dark.png", str(folder / "dark.png"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("dark.png to ")
    monkeypatch.undo()
    words = ("blend", "blends", "0", "dark.png", "--out", "half.png")
    assert rockfall(folder, *words).returncode == 0
    ends = torch.cat((typical(0), torch.zeros(1, 1, 8, 8, dtype=torch.uint8)))
    assert found(pixels(folder / "half.png"), tiles(between(ends, 9)))


@pytest.mark.long
def test_a_model_that_is_told_classes_is_given_theirs(folder: Path) -> None:
    done = rockfall(folder, "blend", "told", "1", "9", "--steps", "3", "--out", "told.png")
    assert done.returncode == 0, done.stderr
    levels = torch.tensor([40, 120, 200], dtype=torch.uint8)  # 20 × (1 + class), and half way
    assert found(pixels(folder / "told.png"), tiles(levels.view(3, 1, 1, 1).expand(3, 1, 8, 8)))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ("makes", "0", "2"),
            "maker has samples and reconstructs, but not blends; models that do: ",
        ),
        (("blends", "0", "11"), "digits has no class 11; did you mean 1?"),
        (("blends", "0", "shoe"), "digits has no class shoe; it has 0, 1, 2"),
        (("blends", "0", "shoe"), "nor is there a picture file of that name"),
        (("sevens", "7", "0"), "digits has no class 0; it has 7"),
        (("blends", "0"), "there is nothing to blend 0 into"),
        (("blends",), "Missing argument"),
        (("blends", "0", "notes.txt"), "notes.txt can't be read as a picture"),
        (("blends", "0", "1", "--weights", "1,b"), "--weights 1,b: give numbers with commas"),
        (("blends", "0", "1", "--weights", "1,nan"), "they must be finite"),
        (("blends", "0", "1", "--weights", "0,0"), "not all 0"),
        (("blends", "0", "1", "--weights", "1"), "--weights gives 1 for 2 terms"),
        (("blends", "0", "1", "--weights", "1,1", "--gif", "a"), "leave --gif out"),
        (("blends", "0", "1", "--weights", "1,1", "--steps", "3"), "leave --steps out"),
        (("blends", "0", "1", "--steps", "1"), "1 is not in the range"),
        (("blends", "0", "1", "--out", "a.gif"), "what is written is a PNG"),
        (("told", "0", "dark.png"), "told needs the class of what it blends"),
        (("nonsuch", "0", "1"), "no run named nonsuch"),
    ],
)
def test_what_can_not_be_blended(folder: Path, words: tuple[str, ...], expected: str) -> None:
    (folder / "notes.txt").write_text("nothing to see")
    Image.new("L", (8, 8)).save(folder / "dark.png")
    before = set(folder.iterdir())
    assert expected in refused(folder, "blend", *words)
    assert set(folder.iterdir()) == before


# latent -----------------------------------------------------------------------------------------


def test_a_map(folder: Path) -> None:
    done = rockfall(folder, "latent", "blends")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "359 test examples of digits, by 5 features of blends"
    assert lines[1].startswith("probe accuracy 0.")
    assert lines[2].startswith("  beside raw pixels 0.9")
    assert lines[3].startswith("k-means purity 0.")
    assert lines[4].startswith("  beside raw pixels 0.")
    assert lines[5:] == [
        "wrote blends-latent.png",
        "next: rockfall latent blends --by tsne  ·  rockfall show blends",
    ]
    height, width, _ = pixels(folder / "blends-latent.png").shape
    assert width > 1.5 * height  # dots beside pictures


def test_a_map_for_programs(folder: Path) -> None:
    words = ("latent", "blends", "-n", "50", "--by", "tsne", "--out", "t.png", "--json")
    done = rockfall(folder, *words)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "t-SNE of 50 examples, which takes a while …\n"
    data = json.loads(done.stdout)
    figures = data.pop("figures")
    expected = {"run": "blends", "count": 50, "features": 5, "by": "tsne", "picture": "t.png"}
    assert data == expected
    recorded = json.loads((folder / "runs/blends/result.json").read_text())["figures"]
    assert figures["probe accuracy"] == recorded["probe accuracy"]
    assert figures["k-means purity"]["count"] == 50
    assert set(figures["k-means purity"]["baselines"]) == {"raw pixels"}


def test_a_run_that_was_stopped_is_probed_now(folder: Path) -> None:
    result = folder / "runs/blends/result.json"
    kept = result.read_text()
    result.unlink()
    done = rockfall(folder, "latent", "blends", "--out", "now.png", "--json")
    result.write_text(kept)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["figures"]["probe accuracy"]
    assert found == json.loads(kept)["figures"]["probe accuracy"]


def test_a_map_of_one_class_has_no_figures(folder: Path) -> None:
    done = rockfall(folder, "latent", "sevens", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["figures"] == {}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ("told",),
            "teller has samples, samples-by-class and blends, but not encodes; models that do: ",
        ),
        (("blends", "--by", "umap"), "'umap' is not one of"),
        (("blends", "-n", "2"), "2 is not in the range"),
    ],
)
def test_what_has_no_map(folder: Path, words: tuple[str, ...], expected: str) -> None:
    assert expected in refused(folder, "latent", *words)


# sample -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("--class", "3,7"), ("--class", "3", "--class", "7")])
def test_samples_of_classes(folder: Path, words: tuple[str, ...]) -> None:
    done = rockfall(folder, "sample", "told", *words, "-n", "7", "--out", "classes.png")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("7 examples of 3, 7 by told, seed 0\nwrote classes.png\n")
    page = pixels(folder / "classes.png")
    upper, lower = np.array_split(page[:, 30:, 0], 2)
    for part, label, count in ((upper, 3, 4), (lower, 7, 3)):
        inked = part[part < 255]
        assert 20 * label <= inked.min() <= inked.max() < 20 * label + 20
        assert round((part[24] < 255).sum() / 48) == count


def test_samples_of_a_class_for_programs(folder: Path) -> None:
    words = ("sample", "told", "--class", "5", "--out", "five.png", "--json")
    data = json.loads(rockfall(folder, *words).stdout)
    assert (data["count"], data["classes"]) == (64, {"5": 64})
    page = pixels(folder / "five.png")
    assert page.shape[0] == page.shape[1]  # one class needs no name


@pytest.mark.long
def test_points(folder: Path) -> None:
    done = rockfall(folder, "sample", "points")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2000 examples by points, seed 0\nwrote points-samples.png\n")
    left = pixels(folder / "runs/points/pictures/samples.png")
    assert np.array_equal(left, pixels(folder / "points-samples.png"))
    done = rockfall(folder, "sample", "points", "-n", "50", "--gif", "points.gif")
    assert done.returncode == 0, done.stderr
    with Image.open(folder / "points.gif") as film:
        assert film.n_frames == 3  # type: ignore[attr-defined]


@pytest.mark.long
def test_a_film_of_a_training(folder: Path) -> None:
    done = rockfall(folder, "sample", "blends", "--animate", "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    steps = data["steps"]  # all that are due, as far as the time of the training paid for them
    assert steps[0] == 0
    assert steps[-1] == 20, "the finished model comes last"
    assert {*steps} <= {*range(11), 12, 14, 16, 18, 20}
    assert data == {"run": "blends", "steps": steps, "gif": "blends-training.gif"}
    with Image.open(folder / "blends-training.gif") as film:
        assert film.n_frames == len(steps)  # type: ignore[attr-defined]
        light = []
        for frame in range(len(steps)):
            film.seek(frame)
            light.append(np.asarray(film.convert("L"))[:400].mean())
    assert light == sorted(light, reverse=True)
    done = rockfall(folder, "sample", "blends", "--animate", "--gif", "other")
    size = (folder / "other.gif").stat().st_size
    assert done.stdout.splitlines() == [
        f"samples of blends from the same noise, step 0 to 20, {len(steps)} pictures",
        f"wrote other.gif ({size / 1000:,.0f} kB)",
        "next: rockfall sample blends  ·  rockfall show blends",
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("makes", "--class", "3"), "makes does not sample by class"),
        (("told", "--class", "11"), "digits has no class 11; did you mean 1?"),
        (("told", "--class", "3,"), "digits has no class ; it has 0, 1"),
        (("told", "--class", "1,2,3", "-n", "2"), "-n 2 is too few for 3 classes"),
        (("blends", "--animate", "--class", "3"), "so leave --class out"),
        (("blends", "--animate", "-n", "3"), "so leave -n out"),
        (("blends", "--animate", "--seed", "0"), "so leave --seed out"),
        (("blends", "--animate", "--out", "a.png"), "so leave --out out"),
        (("points", "--class", "3"), "points does not sample by class"),
    ],
)
def test_what_can_not_be_sampled(folder: Path, words: tuple[str, ...], expected: str) -> None:
    before = set(folder.iterdir())
    assert expected in refused(folder, "sample", *words)
    assert set(folder.iterdir()) == before


def test_a_sheet_that_is_damaged(folder: Path) -> None:
    for step in (1, 2):
        (folder / f"runs/makes/pictures/samples-{step}.png").write_bytes(b"no picture")
    said = refused(folder, "sample", "makes", "--animate")
    for step in (1, 2):
        (folder / f"runs/makes/pictures/samples-{step}.png").unlink()
    assert "can't be read as a picture" in said
    assert not (folder / "makes-training.gif").exists()


def test_vectors_of_many_numbers_are_still_refused(folder: Path) -> None:
    record = folder / "runs/points/run.json"
    before = record.read_text()
    data = json.loads(before)
    data["info"]["shape"] = [7]
    record.write_text(json.dumps(data))
    said = refused(folder, "sample", "points")
    record.write_text(before)
    assert "float32 of shape 7, no pictures to look at" in said
