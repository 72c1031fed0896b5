"""`rockfall classify`, `sample` and `reconstruct`, as typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rockfall.kit import pictures
from rockfall.kit.drawing.sheets import sheet
from rockfall.kit.pictures import to_image
from rockfall.kit.preparation import Preparation, Prepared, prepare
from rockfall.sources.opening import open_source
from tests.core.test_cli_train import rockfall
from tests.core.toys import toys


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Runs `reads` of `mlp`, which knows its digits, `makes` of `maker`, `steps` of `stepper`."""
    path = tmp_path_factory.mktemp("work")
    with toys(path / "site"):
        assert rockfall(path, "train", "mlp", "epochs=8", "--name", "reads").returncode == 0
        assert rockfall(path, "train", "maker", "--name", "makes").returncode == 0
        assert rockfall(path, "train", "stepper", "--name", "steps").returncode == 0
        yield path


@pytest.fixture(scope="module")
def drawn(folder: Path) -> Path:
    """A test digit of each class, as a large dark-blue drawing on cream: `0.png` …"""
    path = folder / "drawn"
    path.mkdir()
    source: Any = open_source("digits")
    test = source.test
    for label in range(10):
        ink = test.inputs[test.labels == label][3, 0].numpy()
        share = np.kron(ink, np.ones((40, 40)))[..., None] / 255
        colours = (1 - share) * (250, 245, 230) + share * (10, 10, 60)
        Image.fromarray(colours.astype(np.uint8)).save(path / f"{label}.png")
    return path


def fit(
    picture: torch.Tensor,
    shape: tuple[int, ...] = (1, 8, 8),
    fit: Any = "guess",
    **statistics: list[float],
) -> Prepared:
    """A picture as an input of a source with such examples; `guess` is what old runs do."""
    known = {"mean": [40.0], **statistics}
    return prepare(to_image(picture), Preparation.of_examples(fit, shape, known))


# classify -------------------------------------------------------------------------------------


@pytest.mark.long
def test_drawings_are_read(folder: Path, drawn: Path) -> None:
    files = [str(drawn / f"{label}.png") for label in range(10)]
    done = rockfall(folder, "classify", "reads", *files, "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)["pictures"]
    best = [picture["predictions"][0]["class"] for picture in data]
    assert sum(seen == str(label) for label, seen in enumerate(best)) >= 9
    assert all(picture["inverted"] for picture in data)
    assert all(0 <= p["probability"] <= 1 for picture in data for p in picture["predictions"])


@pytest.mark.long
def test_the_best_classes_are_listed_with_bars(folder: Path, drawn: Path) -> None:
    done = rockfall(folder, "classify", "reads", str(drawn / "0.png"), "--top", "3")
    lines = done.stdout.splitlines()
    assert lines[0].endswith("(resized to 8 × 8, inverted)")
    assert len(lines) == 5
    assert lines[1].split()[0] == "0"
    shares = [float(line.split()[-2]) for line in lines[1:4]]
    assert shares == sorted(shares, reverse=True)
    assert lines[1].count("█") > lines[2].count("█")
    assert lines[4] == "next: rockfall show reads"


@pytest.mark.long
def test_light_on_dark_stays_as_it_is(folder: Path, drawn: Path) -> None:
    with Image.open(drawn / "4.png") as image:
        negative = Image.fromarray(255 - np.asarray(image))
    negative.resize((80, 90)).save(folder / "negative.jpg")
    words = rockfall(folder, "classify", "reads", "negative.jpg").stdout
    assert words.startswith("negative.jpg  (resized to 8 × 8)\n")
    (seen,) = json.loads(rockfall(folder, "classify", "reads", "negative.jpg", "--json").stdout)[
        "pictures"
    ]
    assert (seen["resized"], seen["inverted"]) == (True, False)
    assert seen["predictions"][0]["class"] == "4"


@pytest.mark.parametrize(
    ("ground", "mean", "expected"),
    [(255, 40, True), (0, 40, False), (0, 215, True), (255, 215, False), (255, 120, False)],
)
def test_what_is_turned(ground: int, mean: float, expected: bool) -> None:
    picture = torch.full((3, 50, 50), ground, dtype=torch.uint8)
    picture[:, 20:30, 20:30] = 255 - ground
    pixels, _, inverted, *_ = fit(picture, mean=[mean])
    assert inverted is expected
    assert pixels[0, 0, 0] == (255 - ground if expected else ground)
    assert pixels[0, 4, 4] != pixels[0, 0, 0]


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (3, 20, 5)])
@pytest.mark.parametrize("size", [(1, 1), (300, 40), (7, 90), (4, 4)])
def test_every_picture_fits(shape: tuple[int, ...], size: tuple[int, int]) -> None:
    picture = torch.randint(256, (3, *size), dtype=torch.uint8)
    pixels, *_ = fit(picture, shape, mean=[120.0])
    assert pixels.shape == shape
    assert pixels.dtype == torch.uint8


def test_nothing_is_stretched() -> None:
    picture = torch.zeros(3, 40, 80, dtype=torch.uint8)
    picture[:, 10:30, 30:50] = 255  # a square
    pixels, *_ = fit(picture, (1, 16, 16))
    rows, columns = np.nonzero(pixels[0].numpy() > 128)
    assert np.ptp(rows) == np.ptp(columns) == 3
    assert pixels[:, :4].max() == 0  # what was added above is as dark as the border


@pytest.mark.parametrize("margin", [1, 20, 90])
def test_how_much_paper_is_around_a_drawing_tells_nothing(margin: int) -> None:
    paper = torch.full((3, 40 + 2 * margin, 20 + 3 * margin), 255, dtype=torch.uint8)
    paper[:, margin : margin + 40, margin : margin + 20] = 0
    drawn = {"mean": [30.0], "extent": [1.0, 0.5]}
    pixels, _, inverted, cropped, _ = fit(paper, **drawn)
    assert (inverted, cropped) == (True, True)
    expected = torch.zeros(1, 8, 8, dtype=torch.uint8)
    expected[:, :, 2:6] = 255
    assert torch.equal(pixels, expected)
    scene = torch.arange(40).byte().mul(6).expand(3, 40, 40)
    assert not fit(scene, **drawn).cropped


def test_colours_stay_in_their_channels() -> None:
    picture = torch.zeros(3, 9, 9, dtype=torch.uint8)
    picture[0] = 200
    pixels, *_ = fit(picture, (3, 4, 4), mean=[120.0] * 3)
    assert pixels.float().mean((1, 2)).tolist() == [200, 0, 0]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("makes", "{picture}"), "maker has samples and reconstructs, but not classifies"),
        (("reads",), "Missing argument"),
        (("reads", "none.png"), "'none.png' does not exist"),
        (("reads", "notes.txt"), "notes.txt can't be read as a picture"),
        (("nonsuch", "{picture}"), "no run named nonsuch"),
    ],
)
def test_one_line_says_why_not(
    folder: Path, drawn: Path, words: tuple[str, ...], expected: str
) -> None:
    (folder / "notes.txt").write_text("nothing to see")
    words = tuple(word.format(picture=drawn / "0.png") for word in words)
    done = rockfall(folder, "classify", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1


# sample and reconstruct -----------------------------------------------------------------------


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_samples(folder: Path) -> None:
    done = rockfall(folder, "sample", "makes", "-n", "9")
    assert done.returncode == 0, done.stderr
    assert "9 examples by makes, seed 0\nwrote makes-samples.png\n" in done.stdout
    drawn = pixels(folder / "makes-samples.png")
    assert drawn.shape[0] == drawn.shape[1]  # three by three
    again, other = (
        json.loads(
            rockfall(folder, "sample", "makes", "-n", "9", "--seed", s, "--out", s, "--json").stdout
        )
        for s in ("0", "1")
    )
    assert np.array_equal(pixels(folder / again["picture"]), drawn)
    assert not np.array_equal(pixels(folder / other["picture"]), drawn)


def test_a_film_of_how_samples_come_about(folder: Path) -> None:
    done = rockfall(folder, "sample", "steps", "-n", "9", "--gif", "film")
    assert done.returncode == 0, done.stderr
    size = (folder / "film.gif").stat().st_size
    assert f"9 examples by steps, seed 0\nwrote film.gif ({size / 1000:.0f} kB)\n" in done.stdout
    assert not (folder / "steps-samples.png").exists()
    with Image.open(folder / "film.gif") as film:
        shown = [np.asarray(frame.convert("RGB")).astype(int) for frame in frames(film)]
        rests = film.info["duration"]
    assert len(shown) == 13  # the noise and all twelve steps
    assert rests >= 2000
    assert rockfall(folder, "sample", "steps", "-n", "9").returncode == 0
    last = pixels(folder / "steps-samples.png")
    height, width, _ = last.shape
    assert np.abs(shown[-1][:height, :width] - last).max() <= 6  # as near as its colours come
    light = [frame[:height, :width][last < 20].mean() for frame in shown]
    assert light == sorted(light, reverse=True)
    assert light[0] > 100


def frames(film: Image.Image) -> Iterator[Image.Image]:
    for number in range(getattr(film, "n_frames", 1)):
        film.seek(number)
        yield film


def test_a_film_and_a_picture_for_programs(folder: Path) -> None:
    words = ("sample", "steps", "-n", "2", "--gif", "two.gif", "--out", "two.png", "--json")
    data = json.loads(rockfall(folder, *words).stdout)
    files = {"picture": "two.png", "gif": "two.gif"}
    assert data == {"run": "steps", "count": 2, "seed": 0, **files}
    assert all((folder / file).exists() for file in files.values())
    alone = json.loads(rockfall(folder, "sample", "makes", "--json").stdout)
    assert (alone["picture"], alone["gif"]) == ("makes-samples.png", None)


def test_what_is_made_at_once_has_no_film(folder: Path) -> None:
    done = rockfall(folder, "sample", "makes", "--gif", "none.gif", "--out", "none.png")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "rockfall: makes does not sample in steps, so there is no film of it: leave --gif out\n"
    )
    assert not list(folder.glob("none.*"))


def test_a_run_leaves_what_its_model_makes(folder: Path) -> None:
    data = json.loads(rockfall(folder, "show", "makes", "--json").stdout)
    assert set(data["pictures"]) >= {"samples.png", "reconstructions.png"}
    again = json.loads(rockfall(folder, "reconstruct", "makes", "-n", "1024", "--json").stdout)
    figure = data["figures"]["reconstruction error"]
    assert figure["value"] == pytest.approx(again["squared_error"], rel=1e-5)
    beside = figure["baselines"]["mean picture"]["value"]
    assert beside == pytest.approx(again["mean_picture"], rel=1e-5)
    data = json.loads(rockfall(folder, "show", "steps", "--json").stdout)
    assert set(data["pictures"]) >= {"samples.png", "steps.png"}
    assert rockfall(folder, "sample", "steps", "--out", "64.png").returncode == 0
    left = folder / "runs" / "steps" / "pictures" / "samples.png"
    assert np.array_equal(pixels(left), pixels(folder / "64.png"))


def test_reconstructions_stand_below_what_was_given(folder: Path) -> None:
    done = rockfall(folder, "reconstruct", "makes", "-n", "12")
    assert done.returncode == 0, done.stderr
    assert (
        "12 test examples of digits, reconstructed by makes: mean squared error 0." in done.stdout
    )
    assert "wrote makes-reconstructions.png" in done.stdout
    drawn = pixels(folder / "makes-reconstructions.png")
    given, made = np.array_split(drawn[:, 80:], 2)
    assert given[4:-4].min() == made[4:-4].min() == 0
    dark = drawn[4:52, -52:-4]  # the last picture of each row
    assert np.array_equal(dark // 2, drawn[56:104, -52:-4])


def test_reconstructions_for_programs(folder: Path) -> None:
    words = ("reconstruct", "makes", "-n", "1000", "--json", "--out", "r.png")
    data = json.loads(rockfall(folder, *words).stdout)
    source: Any = open_source("digits")
    given = source.test.inputs / 255
    lost = (source.test.inputs - source.test.inputs // 2) / 255
    spread = given - source.train.inputs.float().mean(0) / 255
    assert data["count"] == len(given)  # no more than there are
    assert data["squared_error"] == pytest.approx(lost.square().mean().item(), rel=1e-5)
    assert data["mean_picture"] == pytest.approx(spread.square().mean().item(), rel=1e-5)
    assert data["picture"] == "r.png"


def test_picture_files_are_reconstructed_as_what_was_learned_from(folder: Path) -> None:
    source: Any = open_source("digits")
    files = [pictures.save(folder / f"own-{n}.png", source.test.inputs[n]).name for n in range(3)]
    words = ("reconstruct", "makes", *files, "--out", "own.png")
    data = json.loads(rockfall(folder, *words, "--json").stdout)
    lost = (source.test.inputs[:3] - source.test.inputs[:3] // 2) / 255
    assert data["pictures"] == files
    assert data["squared_error"] == pytest.approx(lost.square().mean().item(), rel=1e-5)
    done = rockfall(folder, *words)
    assert "own-0.png, own-1.png, own-2.png, reconstructed by makes: mean squared" in done.stdout
    assert rockfall(folder, "reconstruct", "makes", "none.png").returncode == 2


@pytest.mark.parametrize("verb", ["sample", "reconstruct"])
def test_a_model_that_can_not(folder: Path, verb: str) -> None:
    done = rockfall(folder, verb, "reads")
    assert done.returncode == 2
    said = f"mlp has classifies, explains and layered, but not {verb}s; models that do: "
    assert "maker" in done.stderr.partition(said)[2]
    assert rockfall(folder, verb, "makes", "--out", "no/where.png").returncode == 1


def test_a_sheet_has_room_for_its_names() -> None:
    row = torch.zeros(3, 1, 8, 8, dtype=torch.uint8)
    short, long = (sheet([(name, row), (name, row[:1])]) for name in ("a", "a much longer name"))
    assert long.width > short.width + 60
    assert long.height == short.height
    assert np.asarray(short)[-30, -20].tolist() == [255, 255, 255]  # a row may be shorter
