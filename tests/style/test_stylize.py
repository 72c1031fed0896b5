"""`rockfall stylize`, as typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rockfall.kit import memory, pictures
from rockfall_style.bands import apply_style
from rockfall_style.manifest import read_style
from tests.core.test_cli_train import rockfall
from tests.style.test_manifest import lay

SMALL = ("steps=2", "scales=1")
"""Settings of gatys."""


def photo(height: int = 30, width: int = 44) -> Image.Image:
    rows, columns = np.mgrid[:height, :width]
    red, green = 255 * rows // height, 255 * columns // width
    blue = 40 + 120 * ((rows // 7 + columns // 9) % 2)
    return Image.fromarray(np.stack((red, green, blue), -1).astype(np.uint8))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two styles of random numbers, laid where published ones lie."""
    path = tmp_path_factory.mktemp("data")
    (path / "weights" / "fast-style").mkdir(parents=True)
    for seed, name in enumerate(("wave", "scream")):
        lay(path / "weights" / "fast-style" / name, seed)
    return path


@pytest.fixture
def here(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROCKFALL_DATA", str(data))
    monkeypatch.delenv("ROCKFALL_RUNS", raising=False)
    photo().save(tmp_path / "photo.png")
    photo(20, 20).rotate(90).save(tmp_path / "style.png")
    return tmp_path


def wrote(path: Path) -> torch.Tensor:
    return pictures.load(path)


def through(path: Path, data: Path, *styles: str) -> torch.Tensor:
    """By the network directly, in float32."""
    picture = pictures.load(path)
    for style in styles:
        network = read_style(data / "weights" / "fast-style" / style)
        picture = apply_style(network, picture)
    return picture


def done(here: Path, *words: str) -> str:
    given = rockfall(here, "stylize", *words)
    assert given.returncode == 0, given.stderr
    return given.stdout


def refused(here: Path, *words: str, code: int = 2) -> str:
    """In one line, and nothing is left behind."""
    before = sorted(here.rglob("*"))
    given = rockfall(here, "stylize", *words)
    assert given.returncode == code, given.stdout
    assert given.stderr.count("\n") == 1, given.stderr
    assert sorted(here.rglob("*")) == before
    return given.stderr


def saved(here: Path, kind: str) -> Path:
    image, path = photo(), here / "input.png"
    if kind == "exif":
        path = here / "input.jpg"
        exif = Image.Exif()
        exif[0x0112] = 6
        image.save(path, exif=exif, quality=95)
    elif kind == "CMYK":
        path = here / "input.jpg"
        image.convert("CMYK").save(path)
    elif kind == "16-bit":
        grey = np.asarray(image.convert("L")).astype(np.uint16) * 257
        Image.fromarray(grey).save(path)
    elif kind == "RGBA":
        image.putalpha(image.convert("L"))
        image.save(path)
    elif kind == "P with a transparent colour":
        image.convert("P").save(path, transparency=3)
    else:
        image.convert(kind).save(path)
    return path


KINDS = (
    "RGB",
    "L",
    "LA",
    "1",
    "RGBA",
    "P",
    "CMYK",
    "16-bit",
    "exif",
    "P with a transparent colour",
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture(here: Path, data: Path, kind: str) -> None:
    path = saved(here, kind)
    done(here, path.name, "--style", "wave", "--precision", "float32")
    made = wrote(here / "input-wave.png")
    assert torch.equal(made, through(path, data, "wave"))
    upright = (44, 30) if kind == "exif" else (30, 44)
    assert made.shape[1:] == upright


def test_what_it_says_and_writes(here: Path) -> None:
    told = done(here, "photo.png", "--style", "wave").splitlines()
    assert told[0] == "wrote photo-wave.png (44 × 30, wave)"
    assert told[-1] == "next: rockfall stylize photo.png --style wave,scream"
    assert not (here / "runs").exists()
    told = done(here, "photo.png", "--style", "wave,scream", "--out", "made.jpg").splitlines()
    assert told[0] == "wrote made.jpg (44 × 30, wave then scream)"
    with Image.open(here / "made.jpg") as image:
        assert image.format == "JPEG" and image.size == (44, 30)
    done(here, "photo.png", "--style", "wave,scream")
    assert (here / "photo-wave-scream.png").exists()


def test_what_can_not_be_typed_is_not_proposed(here: Path, data: Path) -> None:
    shutil.copytree(data / "weights" / "fast-style" / "wave", here / "a,b")
    assert "next:" not in done(here, "photo.png", "--style", "a,b")


def test_for_programs(here: Path) -> None:
    told = json.loads(done(here, "photo.png", "--style", "scream", "--json", "--size", "22"))
    assert told.pop("seconds") > 0
    assert told == {
        "picture": "photo-scream.png",
        "method": "fast-style",
        "styles": ["scream"],
        "height": 15,
        "width": 22,
        "run": None,
        "gif": None,
    }


def test_chains_and_passes(here: Path, data: Path) -> None:
    """What one makes goes into the next; with passes, all of that over again."""
    flags = ("--precision", "float32", "--out", "made.png")
    for words, styles in {
        ("wave,scream",): ("wave", "scream"),
        ("scream,wave",): ("scream", "wave"),
        ("wave", "--passes", "3"): ("wave",) * 3,
        ("wave,scream", "--passes", "2"): ("wave", "scream") * 2,
    }.items():
        done(here, "photo.png", "--style", *words, *flags)
        assert torch.equal(wrote(here / "made.png"), through(here / "photo.png", data, *styles))


def test_a_folder_and_a_registered_picture(here: Path, data: Path) -> None:
    folder = data / "weights" / "fast-style" / "wave"
    done(here, "photo.png", "--style", str(folder), "--precision", "float32")
    assert torch.equal(wrote(here / "photo-wave.png"), through(here / "photo.png", data, "wave"))
    done(here, "china", "--style", "wave", "--size", "40")
    assert wrote(here / "china-wave.png").shape == (3, 27, 40)


def test_a_size_is_at_most(here: Path) -> None:
    done(here, "photo.png", "--style", "wave", "--size", "1000")
    assert wrote(here / "photo-wave.png").shape == (3, 30, 44)


def test_one_pixel(here: Path) -> None:
    Image.new("RGB", (1, 1), "red").save(here / "dot.png")
    done(here, "dot.png", "--style", "wave")
    assert wrote(here / "dot-wave.png").shape == (3, 1, 1)


def test_a_picture_is_painted_as_by_train(here: Path) -> None:
    told = done(here, "photo.png", *SMALL, "--style", "style.png", "--seed", "3", "--name", "a")
    assert "wrote photo-style.png (44 × 30, style)" in told
    trained = rockfall(
        here, "train", "gatys", "photo.png", "style=style.png", *SMALL, "--seed", "3", "--name", "b"
    )
    assert trained.returncode == 0, trained.stderr
    assert torch.equal(
        wrote(here / "photo-style.png"), wrote(here / "runs" / "b" / "pictures" / "painting.png")
    )
    one, other = (json.loads((here / "runs" / n / "run.json").read_text()) for n in "ab")
    same = ("model", "source", "source_options", "config", "seed", "device", "precision")
    assert {name: one[name] for name in same} == {name: other[name] for name in same}


def test_a_film_of_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rockfall.run.snapshots.GRACE", 60.0)
    words = ("photo.png", *SMALL, "--style", "style.png", "--size", "40", "--json")
    told: dict[str, Any] = json.loads(done(here, *words, "--name", "run", "--gif"))
    assert (told["gif"], told["run"], told["method"]) == ("photo-style.gif", "run", "gatys")
    assert (told["height"], told["width"]) == (27, 40)
    with Image.open(here / "photo-style.gif") as film:
        assert film.n_frames > 2  # type: ignore[attr-defined]
    done(here, *words, "--gif", "named.gif")
    assert (here / "named.gif").exists()


def test_several_pictures_are_mixed(here: Path) -> None:
    done(here, "photo.png", *SMALL, "--style", "style.png,photo.png", "--name", "two")
    config = json.loads((here / "runs" / "two" / "run.json").read_text())["config"]
    assert config["style"] == [str(here / "style.png"), str(here / "photo.png")]


def test_a_trained_style(here: Path) -> None:
    few = ("source.size=32", "source.count=4")
    trained = rockfall(here, "train", "fast-style", *few, "--preset", "tiny", "--name", "mine")
    assert trained.returncode == 0, trained.stderr
    told = done(here, "photo.png", "--style", "mine", "--precision", "float32")
    assert "wrote photo-mine.png" in told
    from rockfall.training import open_run

    model: Any = open_run(here / "runs" / "mine").model
    with torch.no_grad():
        wanted = model.eval().stylize(pictures.load(here / "photo.png"))
    assert torch.equal(wrote(here / "photo-mine.png"), wanted)
    assert (here / "runs" / "mine" / "pictures" / "stylized.png").exists()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("photo.png", "--style", "wav"), "did you mean wave?"),
        (
            ("phoot.png", "--style", "wave"),
            "no such file, and no picture by name; did you mean photo.png?",
        ),
        (("chima", "--style", "wave"), "did you mean china?"),
        (("digits", "--style", "wave"), "no picture digits"),
        (("photo.png",), "Missing option '--style'"),
        (("photo.png", "--style", "style.png", "--passes", "2"), "leave --passes out"),
        (("photo.png", "--style", "wave", "steps=3"), "steps: a trained style has no settings"),
        (("photo.png", "--style", "wave", "--gif"), "leave --gif out"),
        (("photo.png", "--style", "wave", "--name", "x"), "leave --name out"),
        (("photo.png", "--style", "wave", "--preset", "tiny"), "leave --preset out"),
        (("photo.png", "--style", "wave", "--seed", "0"), "leave --seed out"),
        (("photo.png", "--style", "style.png", "--gif", "steps=3"), "let --gif come last"),
        (("photo.png", "--style", "wave", "source.size=4"), "with --size"),
        (("photo.png", "--style", "wave", "--out", "x.gif"), "what is written is a PNG"),
        (("photo.png", "--style", "style.png", "--gif", "x.png"), "what is written is a GIF"),
        (("photo.png", "--style", "wave", "--method", "gatys"), "gatys takes its style from a p"),
        (("photo.png", "--style", "wave", "--device", "cuda:77"), "no device cuda:77"),
        (("photo.png", "--style", "wave", "--precision", "bf15"), "no precision bf15"),
        (("photo.png", "--style", "wave,style.png"), "one at a time"),
        (("photo.png", "--style", "style.png", "stepz=3"), "no setting named stepz"),
        (("notes.txt", "--style", "wave"), "can't be read as a picture"),
    ],
)
def test_refused_in_one_line(here: Path, words: tuple[str, ...], wanted: str) -> None:
    (here / "notes.txt").write_text("no picture")
    assert wanted in refused(here, *words)


def test_a_damaged_style_is_refused(here: Path, tmp_path: Path) -> None:
    lay(here / "broken")
    (here / "broken" / "Variable_7").write_bytes(b"123")
    told = refused(here, "photo.png", "--style", "./broken", code=1)
    assert "Variable_7 has 3 bytes, and its shape takes 512" in told


def test_a_folder_that_is_missing(here: Path) -> None:
    told = refused(here, "photo.png", "--style", "wave", "--out", "there/x.png", code=1)
    assert "there is no folder there" in told


def test_too_large_for_the_memory(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo(1100, 1000).save(here / "large.png")
    monkeypatch.setattr(memory, "available_memory", lambda device: 1 << 20)
    told = refused(here, "large.png", "--style", "wave", code=1)
    assert "this picture needs about" in told and "--size" in told
