"""`rockfall stylize`, as typed."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from rockfall.kit import memory, pictures
from rockfall.kit.animations import frames as frames_of
from rockfall.kit.transparency import alpha_of, with_alpha
from rockfall_style.bands import apply_style
from rockfall_style.manifest import read_style
from rockfall_style.moving import Continuity, Flicker
from rockfall_style.stylize import command
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
        few = image.convert("P")
        few.save(path, transparency=few.getpixel((0, 0)))
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
    with Image.open(here / "input-wave.png") as image:
        made = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    alpha = alpha_of(path)
    assert (alpha is not None) == (kind in ("RGBA", "P with a transparent colour"))
    assert torch.equal(made, with_alpha(through(path, data, "wave"), alpha))
    upright = (44, 30) if kind == "exif" else (30, 44)
    assert made.shape[1:] == upright


def film(frames: int = 4, *, clear: bool = False) -> list[Image.Image]:
    """A square that moves before a still picture."""
    made = []
    for place in range(frames):
        page = photo(36, 44).convert("RGBA")
        page.paste((250, 30, 30, 255), (4 + 6 * place, 8, 14 + 6 * place, 18))
        if clear:
            page.paste((0, 0, 0, 0), (0, 30, 44, 36))
        made.append(page if clear else page.convert("RGB"))
    return made


def save_animation(path: Path, frames: list[Image.Image], durations: list[int]) -> None:
    how = {"lossless": True} if path.suffix == ".webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, **how)


def read_animation(path: Path) -> list[tuple[np.ndarray, float]]:
    return list(frames_of(path))


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
@pytest.mark.parametrize("clear", [False, True])
def test_a_film_frame_by_frame(here: Path, data: Path, kind: str, clear: bool) -> None:
    """As many frames, as long, as transparent, and where it moves each as if it were alone."""
    path = here / f"clip.{kind}"
    save_animation(path, film(clear=clear), [50, 200, 120, 80])
    told = done(here, path.name, "--style", "wave", "--precision", "float32")
    assert f"wrote clip-wave.{kind} (44 × 36, wave, 4 frames, flicker " in told
    given, made = read_animation(path), read_animation(here / f"clip-wave.{kind}")
    assert [seconds for _, seconds in made] == [0.05, 0.2, 0.12, 0.08]
    network = read_style(data / "weights" / "fast-style" / "wave")
    shapes = {pixels.shape for pixels, _ in (*given, *made)}
    assert shapes == {(36, 44, 4 if clear else 3)}
    for place, ((before, _), (after, _)) in enumerate(zip(given, made, strict=True)):
        if clear:
            assert (after[..., 3] == before[..., 3]).all()
        if kind == "png":
            wanted = apply_style(network, on_white(before))
            there = np.s_[10:16, 6 + 6 * place : 12 + 6 * place] if place else np.s_[:28]
            apart = (on_white(after).int() - wanted.int()).abs().permute(1, 2, 0)
            assert apart[there].max() == 0


def on_white(pixels: np.ndarray) -> torch.Tensor:
    """(H, W, 3 or 4) uint8 as (3, H, W) uint8."""
    image = pictures.on_white(Image.fromarray(pixels))
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def test_a_film_smaller_in_another_format_and_for_programs(here: Path) -> None:
    save_animation(here / "clip.gif", film(), [100] * 4)
    words = ("clip.gif", "--style", "wave", "--size", "22", "--out", "made.webp", "--json")
    told = json.loads(done(here, *words))
    assert (told["height"], told["width"], told["frames"]) == (18, 22, 4)
    assert told["flicker"] >= 0 and told["run"] is None
    assert [pixels.shape for pixels, _ in read_animation(here / "made.webp")] == [(18, 22, 3)] * 4


@pytest.mark.long
def test_a_film_by_gatys(here: Path) -> None:
    """What does not move stays as it was painted, and no run is left."""
    save_animation(here / "clip.png", film(3), [100] * 3)
    words = ("clip.png", "--style", "style.png", "steps=4", "init=noise", "--json")
    told = json.loads(done(here, *words))
    assert told["frames"] == 3 and told["flicker"] < 8
    assert not (here / "runs").exists()
    found = [pixels.astype(int) for pixels, _ in read_animation(here / "clip-style.png")]
    assert np.abs(found[0] - found[2])[:, 36:].max() <= 1
    film(3)[0].save(here / "first.png")
    done(here, "first.png", *words[1:-1])
    assert (np.asarray(Image.open(here / "first-style.png")) == found[0]).all()


class Counting:
    """Paints each frame in another grey."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, frame: torch.Tensor) -> torch.Tensor:
        self.count += 1
        return torch.full_like(frame, min(10 * self.count, 255))


def test_what_does_not_move_stays_as_it_was_painted() -> None:
    """However far what moves is painted anew, a frame like the one before is not painted at all,
    and what changes slowly is painted anew in the end.
    """
    paint = Counting()
    following = Continuity(paint)
    frame = torch.full((3, 60, 60), 100, dtype=torch.uint8)
    assert (following(frame) == 10).all() and (following(frame.clone()) == 10).all()
    assert paint.count == 1
    other = frame.clone()
    other[:, :20, :20] = 200
    made = following(other)
    assert (made[:, :18, :18] == 20).all() and (made[:, 34:] == 10).all()
    assert (made.int().diff(dim=1).abs() <= 3).all()  # and no seam
    paint.count = 0
    following = Continuity(paint)
    shades = [following(frame + shade).float().mean() for shade in range(30)]
    assert 1 < paint.count < 30 and shades[-1] > shades[0]
    assert (following(torch.zeros(3, 5, 5, dtype=torch.uint8)) == min(10 * paint.count, 255)).all()


def test_flicker_is_what_changes_where_nothing_moves() -> None:
    flicker = Flicker()
    assert flicker.value is None
    given = torch.full((3, 2, 4), 100, dtype=torch.uint8)
    moved = given.clone()
    moved[0, :, 0] = 104  # one colour of the first column
    moved[1, :, 1] = 102  # too little to count
    made = torch.zeros_like(given)
    flicker.add(given, made)
    other = made.clone()
    other[:, :, 0], other[:, :, 1], other[2, :, 2] = 200, 30, 9
    flicker.add(moved, other)
    assert flicker.value == pytest.approx((3 * 30 + 9) / 9)
    flicker.add(moved, other)
    assert flicker.value == pytest.approx((3 * 30 + 9) / 21)


@pytest.mark.long
def test_a_video(here: Path) -> None:
    """Written and read by PyAV, with its sound, and the times of its frames."""
    av = pytest.importorskip("av")
    from rockfall_style.films import Frame, count_frames, read_frames, write_film

    seconds = [0.1, 0.3, 0.1, 0.2, 0.1, 0.1]
    pages = [np.asarray(page.resize((88, 73))) for page in film(6)]
    silent = here / "silent.mp4"
    write_film(silent, (Frame(*both) for both in zip(pages, seconds, strict=True)))
    with av.open(str(here / "clip.mp4"), "w") as made, av.open(str(silent)) as source:
        picture = made.add_stream_from_template(source.streams.video[0])
        sound = made.add_stream("aac", rate=8000)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = picture
                made.mux(packet)
        for place in range(7):
            heard = av.AudioFrame.from_ndarray(
                np.full((1, 1024), 0.1 * place, np.float32), "fltp", "mono"
            )
            heard.sample_rate, heard.pts = 8000, 1024 * place
            made.mux(sound.encode(heard))
        made.mux(sound.encode(None))
    assert count_frames(here / "clip.mp4") == 6
    told = done(here, "clip.mp4", "--style", "wave")
    assert "wrote clip-wave.mp4 (88 × 72, wave, 6 frames, flicker " in told
    found = list(read_frames(here / "clip-wave.mp4"))
    assert [frame.pixels.shape for frame in found] == [(72, 88, 3)] * 6  # even sides
    assert [frame.seconds for frame in found[:5]] == pytest.approx(seconds[:5], abs=2e-3)
    with av.open(str(here / "clip-wave.mp4")) as made:
        assert made.streams.audio and float(made.duration / av.time_base) > 0.7
    done(here, "clip.mp4", "--style", "wave", "--out", "made.gif", "--size", "40")
    assert len(read_animation(here / "made.gif")) == 6
    (here / "no.mp4").write_bytes(b"no video" * 50)
    assert "no.mp4 can't be read as a video" in refused(here, "no.mp4", "--style", "wave")


def test_a_video_without_what_reads_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    (here / "clip.mp4").write_bytes(b"any")
    told = refused(here, "clip.mp4", "--style", "wave")
    assert "takes PyAV: pip install 'rockfall-style[video]'" in told
    save_animation(here / "clip.gif", film(), [100] * 4)
    told = refused(here, "clip.gif", "--style", "wave", "--out", "clip.mov")
    assert "takes PyAV" in told


@pytest.mark.long
def test_several_and_a_folder(here: Path, data: Path) -> None:
    """Each as if it were alone; what is no picture is said, and one that is damaged costs no
    other its style.
    """
    for number in range(3):
        photo(30 + number, 40).save(here / f"p{number}.png")
    done(here, "p0.png", "p1.png", "--style", "wave", "--precision", "float32")
    for name in ("p0", "p1"):
        made = wrote(here / f"{name}-wave.png")
        assert torch.equal(made, through(here / f"{name}.png", data, "wave"))
    folder = here / "mine"
    (folder / "deeper").mkdir(parents=True)
    for number in range(3):
        shutil.move(here / f"p{number}.png", folder / f"p{number}.png")
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_bytes(b"")
    save_animation(folder / "clip.gif", film(), [100] * 4)
    given = rockfall(here, "stylize", "mine", "--style", "wave")
    assert given.returncode == 0 and "left out, as no pictures: notes.txt" in given.stderr
    assert sorted(path.name for path in (here / "mine-wave").iterdir()) == [
        "clip-wave.gif",
        "p0-wave.png",
        "p1-wave.png",
        "p2-wave.png",
    ]
    told = json.loads(done(here, "mine", "--style", "wave", "--out", "there/in", "--json"))
    assert [each["picture"] for each in told][1:] == [f"there/in/p{n}-wave.png" for n in range(3)]
    content = (folder / "p1.png").read_bytes()
    (folder / "p1.png").write_bytes(content[: len(content) // 2])
    given = rockfall(here, "stylize", "mine", "--style", "wave", "--out", "again")
    assert given.returncode == 1
    assert "1 of 4 could not be stylized: mine/p1.png (" in given.stderr.splitlines()[-1]
    assert len(list((here / "again").iterdir())) == 3


def test_several_by_gatys(here: Path) -> None:
    photo(30, 40).save(here / "other.png")
    done(here, "photo.png", "other.png", *SMALL, "--style", "style.png", "--out", "made")
    assert {path.name for path in (here / "made").iterdir()} == {
        "photo-style.png",
        "other-style.png",
    }
    assert len(list((here / "runs").iterdir())) == 2


@pytest.mark.parametrize("kind", ["jpg", "webp", "tif", "tiff", "png"])
def test_the_formats_that_are_written(here: Path, kind: str) -> None:
    done(here, "photo.png", "--style", "wave", "--out", f"made.{kind}")
    with Image.open(here / f"made.{kind}") as image:
        assert image.size == (44, 30)
        assert image.format == {"jpg": "JPEG", "tif": "TIFF"}.get(kind, kind.upper())


def test_into_a_pipe(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes alone, by both methods; what is said goes to standard error."""
    monkeypatch.chdir(here)
    for words in (["--style", "wave"], ["--style", "style.png", *SMALL]):
        done(here, "photo.png", *words, "--out", "made.png")
        given = CliRunner().invoke(command, ["photo.png", *words, "--out", "-"])
        assert given.exit_code == 0, given.output
        assert given.stdout_bytes == (here / "made.png").read_bytes()
        assert "next: " in given.stderr
    given = CliRunner().invoke(command, ["photo.png", "style.png", *words, "--out", "-"])
    assert "takes one picture, and no film" in str(given.exception) and not given.stdout_bytes


def test_what_it_says_and_writes(here: Path) -> None:
    told = done(here, "photo.png", "--style", "wave").splitlines()
    assert told[0] == "wrote photo-wave.png (44 × 30, wave)"
    assert told[-1] == "next: rockfall stylize photo.png --style wave,starry-night"
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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
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
        (("photo.png", "style.png", "--style", "wave", "--out", "x.png"), "x.png is one file, and"),
        (("photo.png", "./photo.png", "--style", "wave"), "would both be written to photo-wave."),
        (("photo.png", "style.png", "--style", "style.png", "--gif"), "--gif is for one picture"),
        (("photo.png", "style.png", "--style", "style.png", "--name", "a"), "--name is for one"),
        (("empty", "--style", "wave"), "empty has no pictures"),
        (("steps=3", "--style", "wave"), "name a picture"),
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
    (here / "empty").mkdir()
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
