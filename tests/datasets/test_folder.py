"""A folder of pictures: what is taken, how it is split, and every way in which it can be wrong."""

from __future__ import annotations

import io
import json
import os
import re
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from rockfall.errors import UnknownName, UsageError
from rockfall.kit import pictures, progress
from rockfall.kit.preparation import prepare_file
from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.opening import open_source
from tests.core.test_cli_train import rockfall


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (40, 40), mode: str = "RGB") -> Path:
    """A picture of noise, in the format of its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = {"RGB": (3,), "L": (), "RGBA": (4,)}[mode]
    noise = np.random.default_rng(seed).integers(0, 256, (*size[::-1], *channels), np.uint8)
    kind = {".png": "PNG", ".webp": "WEBP"}.get(path.suffix.lower(), "JPEG")
    Image.fromarray(noise).save(path, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return path


def classes(root: Path, counts: dict[str, int], first: int = 0, **options: object) -> Path:
    for name, count in counts.items():
        for number in range(count):
            first += 1
            picture(root / name / f"{number:03}.png", first, **options)  # type: ignore[arg-type]
    return root


def opened(path: Path | str, **options: object) -> Dataset:
    data = open_source(path, options)
    assert isinstance(data, Dataset)
    return data


def counts(split: Split) -> list[int]:
    return torch.bincount(split.labels).tolist()


def rows(split: Split) -> set[bytes]:
    return {row.numpy().tobytes() for row in split.inputs}


# What is taken ---------------------------------------------------------------------------------


def test_each_format_and_label(tmp_path: Path) -> None:
    for number in range(5):
        for kind in ("png", "PNG", "webp"):
            colour = np.full((40, 70, 3), (10 * number, 0, 0), np.uint8)
            path = tmp_path / "dark" / f"{number}-{kind}.{kind}"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(colour).save(path, **({"lossless": True} if kind == "webp" else {}))
        for kind in ("jpg", "JPG", "jpeg"):
            path = tmp_path / "light" / f"{number}-{kind}.{kind}"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(np.full((40, 70, 3), 255, np.uint8)).save(path, "JPEG")
    data = opened(tmp_path)
    assert data.info.classes == ("dark", "light")
    assert data.info.kinds == ("pictures", "labelled-pictures")
    assert data.info.shape == (3, 32, 32)
    assert sum(data.info.sizes.values()) == 30
    for split in data.splits.values():
        light = split.inputs[:, 0].flatten(1).float().mean(1) > 200
        assert torch.equal(light.long(), split.labels)


def test_it_is_found_again_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classes(tmp_path / "my pictures", {"a": 5, "b": 5})
    monkeypatch.chdir(tmp_path)
    data = opened("./my pictures")
    assert data.info.name == str((tmp_path / "my pictures").resolve())
    monkeypatch.chdir("/")
    assert opened(data.info.name).info == data.info


def test_what_systems_leave_behind_is_passed_over(tmp_path: Path) -> None:
    classes(tmp_path, {"a": 4, "b": 4})
    for junk in ("Thumbs.db", ".DS_Store", "a/Thumbs.db", "a/._000.png", "b/notes.txt", "list.csv"):
        (tmp_path / junk).write_bytes(b"junk")
    for junk in (".git", "__MACOSX", "a/.thumbnails"):
        picture(tmp_path / junk / "x.png")
    assert sum(opened(tmp_path).info.sizes.values()) == 8


def test_opening_draws_nothing_from_the_global_generators(tmp_path: Path) -> None:
    classes(tmp_path, {"a": 4, "b": 4})
    before = torch.get_rng_state()
    opened(tmp_path, limit=2)
    assert torch.equal(torch.get_rng_state(), before)


def test_pictures_without_classes(tmp_path: Path) -> None:
    for number in range(20):
        picture(tmp_path / f"{number}.png", number)
    data = opened(tmp_path)
    assert data.info.kinds == ("pictures",)
    assert data.info.classes == ()
    assert data.info.sizes == {"train": 14, "validation": 2, "test": 4}
    assert all((split.labels == -1).all() for split in data.splits.values())


# Splits ----------------------------------------------------------------------------------------


def test_every_class_is_held_out_alike(tmp_path: Path) -> None:
    classes(tmp_path, {"few": 3, "many": 50})
    data = opened(tmp_path)
    assert counts(data.test) == [1, 10]
    assert counts(data.validation) == [1, 4]
    assert counts(data.train) == [1, 36]
    parts = [rows(split) for split in data.splits.values()]
    assert len(set.union(*parts)) == sum(map(len, parts)) == 53
    again, other = opened(tmp_path), opened(tmp_path, seed=1)
    assert torch.equal(data.train.inputs, again.train.inputs)
    assert rows(data.test) != rows(other.test)
    assert counts(other.test) == [1, 10]


@pytest.mark.parametrize("validation", ["validation", "val", None])
def test_train_and_test_are_used_as_such(tmp_path: Path, validation: str | None) -> None:
    names = {"train": 10, "test": 3, **({validation: 2} if validation else {})}
    for number, (name, count) in enumerate(names.items()):
        classes(tmp_path / name, {"a": count, "b": count}, first=1000 * number)
    data = opened(tmp_path, size=40)
    for name, part in {
        "test": "test",
        **({validation: "validation"} if validation else {}),
    }.items():
        files = sorted((tmp_path / name).rglob("*.png"))
        assert rows(data.splits[part]) == {pictures.load(f).numpy().tobytes() for f in files}
        assert counts(data.splits[part]) == [len(files) // 2] * 2
    assert counts(data.train) == ([10, 10] if validation else [9, 9])
    assert list(data.info.sizes) == ["train", "validation", "test"]


def test_a_class_named_train(tmp_path: Path) -> None:
    assert opened(classes(tmp_path, {"bus": 4, "train": 4})).info.classes == ("bus", "train")


# Size and colour -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "expected"), [((28, 20), (20, 28)), ((64, 64), (64, 64)), ((65, 65), (32, 32))]
)
def test_small_ones_of_one_size_keep_it(
    tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    data = opened(classes(tmp_path, {"a": 3, "b": 3}, size=size))
    assert data.info.shape == (3, *expected)
    if expected == size[::-1]:
        first = pictures.load(tmp_path / "a/000.png").numpy().tobytes()
        assert first in set.union(*(rows(split) for split in data.splits.values()))
    assert opened(tmp_path, size=9).info.shape == (3, 9, 9)


def test_the_whole_picture_is_kept_on_the_colour_of_its_border(tmp_path: Path) -> None:
    wide = np.full((10, 40, 3), 200, np.uint8)
    wide[:, :2] = 0  # what a crop to the middle would lose
    for name in "ab":
        for number in range(3):
            path = tmp_path / name / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(wide).save(path)
    seen = opened(tmp_path, size=20).train.inputs[0]
    assert (seen[:, 8:12, 0] == 0).all()
    assert (seen[:, :7] == 200).all()
    assert (seen[:, 13:] == 200).all()


def test_classify_sees_what_was_learned_from(tmp_path: Path) -> None:
    """The same pixels for the same file, or a figure on the training set would mean nothing."""
    for number, size in enumerate([(90, 50), (31, 77), (40, 40), (33, 32)]):
        for name in "ab":
            picture(tmp_path / name / f"{number}.png", number + 10 * (name == "b"), size)
    data = opened(tmp_path)
    known = set.union(*(rows(split) for split in data.splits.values()))
    for file in tmp_path.rglob("*.png"):
        assert prepare_file(file, data.info).pixels.numpy().tobytes() in known


def test_colour(tmp_path: Path) -> None:
    classes(tmp_path, {"a": 4, "b": 4}, mode="L")
    grey = opened(tmp_path)
    assert grey.info.shape == (1, 40, 40)
    assert rows(opened(tmp_path, colour="false").train) == rows(grey.train)
    as_rgb = opened(tmp_path, colour=True).train.inputs
    assert torch.equal(as_rgb, grey.train.inputs.expand(-1, 3, -1, -1))
    picture(tmp_path / "a/000.png", 1, mode="RGB")  # a single one in colour
    assert opened(tmp_path).info.shape == (3, 40, 40)
    assert opened(tmp_path, colour="false").info.shape == (1, 40, 40)


def test_unusual_pictures_come_in_right(tmp_path: Path) -> None:
    """Palette, 16 bits, transparency, CMYK, a turned photograph: all the same half black."""
    half = np.full((40, 40), 255, np.uint8)
    half[:20] = 0
    grey, turned = Image.fromarray(half), Image.Exif()
    turned[0x0112] = 6  # lies on its side, to be turned clockwise
    clear = Image.merge("LA", (Image.new("L", (40, 40)), Image.fromarray(255 - half)))
    made: dict[str, Callable[[Path], None]] = {
        "palette.png": lambda path: grey.convert("P").save(path),
        "deep.png": lambda path: Image.fromarray(half.astype(np.uint16) * 257).save(path),
        "clear.png": clear.save,
        "bits.png": lambda path: grey.convert("1").save(path),
        "cmyk.jpg": lambda path: grey.convert("RGB").convert("CMYK").save(path, quality=100),
        "turned.jpg": lambda path: grey.rotate(90).save(path, exif=turned, quality=100),
    }
    for name in "ab":
        (tmp_path / name).mkdir()
        for file, save in made.items():
            save(tmp_path / name / file)
    data = opened(tmp_path, colour=False)
    for split in data.splits.values():
        for seen in split.inputs[:, 0]:
            np.testing.assert_allclose(seen.numpy(), half, atol=6)


def test_one_pixel(tmp_path: Path) -> None:
    data = opened(classes(tmp_path, {"a": 3, "b": 3}, size=(1, 1)))
    assert data.info.shape == (3, 1, 1)
    assert opened(tmp_path, size=5).info.shape == (3, 5, 5)
    picture(tmp_path / "a/big.png", size=(40, 3))
    assert opened(tmp_path).info.shape == (3, 32, 32)


# What is wrong ---------------------------------------------------------------------------------


def bomb(path: Path) -> None:
    """A small PNG that unpacks to 20,000 × 20,000 pixels in colour, 1.2 GB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(60_001)) for _ in range(100)) + packer.flush()
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def cut(path: Path) -> None:
    path.write_bytes(picture(path).read_bytes()[:-900])


def gone(path: Path) -> None:
    path.symlink_to("/nowhere/at/all.png")


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda r: (r / "a/x.png").write_text("hello"), r"a/x\.png can't be read as a picture"),
    "nothing": (lambda r: (r / "a/x.JPG").write_bytes(b""), r"a/x\.JPG can't be read"),
    "cut short": (lambda r: cut(r / "a/x.png"), r"a/x\.png can't be read as a picture: "),
    "a bomb": (lambda r: bomb(r / "a/x.png"), r"a/x\.png is larger than 64 million pixels"),
    "a dead link": (lambda r: gone(r / "a/x.png"), r"a/x\.png can't be read as a picture"),
    "a pipe": (lambda r: os.mkfifo(r / "a/x.png"), r"a/x\.png is not a regular file"),
    "another format": (lambda r: (r / "a/x.HEIC").touch(), r"x\.HEIC can't be read as a picture"),
    "an empty class": (lambda r: (r / "c").mkdir(), r"c holds no pictures: fill it, or remove"),
    "a loop": (lambda r: (r / "a/loop").symlink_to(r), "a/loop is a folder in a class folder"),
    "a loop above": (lambda r: (r / "loop").symlink_to(r), "is a folder in a class folder"),
    "a loop of links": (lambda r: (r / "loop").symlink_to("loop"), "can't be listed"),
    "folders in folders": (lambda r: picture(r / "a/old/x.png"), "a/old is a folder in a class"),
    "pictures beside": (lambda r: picture(r / "x.png"), r"x\.png lies beside class folders \(a/\)"),
    "a line's end": (lambda r: (r / "a\nb").mkdir(), r"holds a folder 'a\\nb', .* rename it"),
    "no UTF-8": (lambda r: os.mkdir(os.fsencode(r) + b"/\xff"), r"folder '\\udcff', .* rename it"),
    "too few": (
        lambda r: classes(r, {"c": 2}),
        "class c has 2 pictures for training, .* needs 3 or",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said(tmp_path: Path, what: str) -> None:
    spoil, reason = WRONG[what]
    classes(tmp_path, {"a": 4, "b": 4})
    spoil(tmp_path)
    began = time.monotonic()
    with pytest.raises(UsageError, match=reason) as caught:
        open_source(tmp_path)
    assert time.monotonic() - began < 2
    assert "\n" not in str(caught.value)


def test_one_class(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"one class, cat, .* take .*/cat as pictures without"):
        open_source(classes(tmp_path, {"cat": 5}))
    assert opened(tmp_path / "cat").info.kinds == ("pictures",)


@pytest.mark.parametrize(
    "make", [lambda r: None, lambda r: (r / "a").mkdir(), lambda r: (r / "a.txt").touch()]
)
def test_no_picture_folder(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path)
    with pytest.raises(UsageError, match=r"holds no pictures: a picture folder has a folder for"):
        open_source(tmp_path)
    with pytest.raises(UnknownName):
        open_source(tmp_path / "nowhere")


def two(root: Path, train: dict[str, int], test: dict[str, int]) -> Path:
    classes(root / "train", train)
    classes(root / "test", test, first=500)
    return root


@pytest.mark.parametrize(
    ("train", "test", "reason"),
    [
        ({"a": 3, "b": 3}, {"a": 1, "c": 1}, "train/ has a class b, which test/ has not"),
        ({"a": 3, "b": 3}, {"a": 1, "b": 1, "c": 1}, "test/ has a class c, which train/ has not"),
        ({"a": 3, "b": 3}, {"": 2}, "train/ has class folders, and test/ has none"),
        ({"": 3}, {"a": 2, "b": 2}, "test/ has class folders, and train/ has none"),
        ({"a": 3, "b": 1}, {"a": 1, "b": 1}, "class b has 1 picture for training, and needs 2"),
        ({"a": 3, "b": 3}, {"a": 1}, "train/ has a class b, which test/ has not"),
        ({"a": 3}, {"a": 1}, "one class, a, .* take .*train/a as pictures without"),
    ],
)
def test_train_and_test_that_differ(
    tmp_path: Path, train: dict[str, int], test: dict[str, int], reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        open_source(two(tmp_path, train, test))


def test_pictures_beside_train(tmp_path: Path) -> None:
    two(tmp_path, {"a": 3, "b": 3}, {"a": 1, "b": 1})
    picture(tmp_path / "x.png")
    with pytest.raises(UsageError, match=r"x\.png lies beside train/"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"size": "0"}, "size: .* not '0'"),
        ({"size": "1000"}, "size: .* not '1000'"),
        ({"size": "x"}, "size: .*integer"),
        ({"colour": "grey"}, "colour: input should be 'auto', True or False, not 'grey'"),
        ({"color": "true"}, "no option color; did you mean colour"),
        ({"classes": "c"}, "no class c; it has a, b"),
        ({"limit": "1"}, "limit=1 leaves"),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, options: dict[str, str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        open_source(classes(tmp_path, {"a": 4, "b": 4}), options)


def test_options_of_every_dataset(tmp_path: Path) -> None:
    classes(tmp_path, {"a": 9, "b": 9, "c": 9})
    data = opened(tmp_path, classes="a,c", limit=3)
    assert data.info.classes == ("a", "c")
    assert data.info.sizes == {"train": 3, "validation": 2, "test": 4}
    assert [o.name for o in data.options] == [
        "size",
        "colour",
        "fit",
        "skip_damaged",
        "seed",
        *("classes", "limit"),
    ]


# As typed --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("work")
    for name, level in (("dark", 40), ("light", 200)):
        for number in range(12):
            noise = np.random.default_rng(number).integers(0, 50, (40, 30, 3), np.uint8)
            file = path / "My Pictures" / name / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise + np.uint8(level)).save(file)
    done = rockfall(path, "train", "mlp", "My Pictures", "source.size=8", "epochs=30")
    assert done.returncode == 0, done.stderr
    return path


def test_a_folder_is_learned_from_and_classified(trained: Path) -> None:
    for name in ("dark", "light"):
        done = rockfall(trained, "classify", "last", f"My Pictures/{name}/3.png")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[1].split()[0] == name


def test_a_run_on_a_folder_is_resumed(trained: Path) -> None:
    (run,) = (trained / "runs").iterdir()
    assert run.name == "mlp-my-pictures-1"
    before = (run / "result.json").read_text()
    (run / "result.json").unlink()
    assert rockfall(trained, "resume", "last").returncode == 0
    assert '"test accuracy"' in before
    assert (run / "result.json").exists()


def test_a_folder_is_shown(trained: Path) -> None:
    done = rockfall(trained, "show", "My Pictures", "source.size=16")
    assert done.returncode == 0, done.stderr
    assert "examples: 18 train, 2 validation, 4 test" in done.stdout
    assert "'My Pictures' source.size=16" in done.stdout.splitlines()[-1]
    assert (trained / "My Pictures.png").exists()


# Many ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("terminal", [True, False])
def test_a_long_wait_is_accounted_for(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(1000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(now)))
    console = Console(file=io.StringIO(), force_terminal=terminal, width=80)

    def said(count: int) -> str:
        assert list(progress.counted(range(count), count, "reading", console)) == list(range(count))
        text: str = console.file.getvalue()  # type: ignore[attr-defined]
        return text

    assert said(1) == ""
    text = said(40)
    assert "reading: 2 of 40, 38 s left" in text
    assert len(set(re.findall(r"(\d+) of 40", text))) == (39 if terminal else 3)


def test_what_is_interrupted_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes(tmp_path, {"a": 30, "b": 30}, size=(4, 4))
    looked: list[Path] = []

    def slowly(path: Path) -> tuple[int, int]:
        looked.append(path)
        time.sleep(0.005)
        if path.name == "000.png":
            raise KeyboardInterrupt
        return 4, 4

    monkeypatch.setattr(pictures, "sides", slowly)
    with pytest.raises(KeyboardInterrupt):
        open_source(tmp_path)
    assert len(looked) < 40


@pytest.mark.long
def test_a_run_whose_folder_has_moved(tmp_path: Path) -> None:
    home = classes(tmp_path / "home", {"Cat": 4, "cat": 4})
    done = rockfall(tmp_path, "train", "lenet5", "./home", "--preset", "tiny", "--name", "mine")
    assert done.returncode == 0, done.stderr
    home.rename(tmp_path / "away")
    for verb in (["evaluate", "mine"], ["train", "lenet5", "./home"]):
        done = rockfall(tmp_path, *verb)
        assert done.returncode == 2
        assert "home: there is no such file or folder" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    shown = rockfall(tmp_path, "show", "mine", "--json")
    assert shown.returncode == 0
    assert "no such file or folder" in json.loads(shown.stdout)["warnings"][0]
    seen = rockfall(
        tmp_path, "classify", "mine", "away/cat/000.png", "--explain", "why.png", "--json"
    )
    assert seen.returncode == 0, seen.stderr
    predictions = json.loads(seen.stdout)["pictures"][0]["predictions"]
    assert {each["class"] for each in predictions} == {"Cat", "cat"}
    assert pictures.load(tmp_path / "why.png").shape[0] == 3
