"""What `--style` names, and what it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rockfall.errors import RockfallError, UsageError
from rockfall_style.choice import FAST_STYLE, GATYS, Style, names, resolve_styles


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with pictures, a folder of a style, and runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROCKFALL_RUNS", raising=False)
    for name in ("night.jpg", "a,b.png", "wave"):
        Image.new("RGB", (4, 3)).save(tmp_path / name, format="PNG")
    (tmp_path / "night").mkdir()
    (tmp_path / "night" / "manifest.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    for number, (name, model) in enumerate(
        (("mine-1", "fast-style"), ("scream", "fast-style"), ("vae-1", "vae"))
    ):
        run(tmp_path / "runs" / name, model, number)
    return tmp_path


def run(path: Path, model: str, number: int) -> None:
    import os

    path.mkdir(parents=True)
    record: dict[str, Any] = {name: {} for name in ("source_options", "config", "versions")}
    record |= {"source": "digits", "preset": "", "device": "cpu", "created": ""}
    record |= {"precision": "float32", "matmul_precision": "highest"}
    record["info"] = {"name": "digits", "kinds": [], "shape": [1, 8, 8], "dtype": "uint8"}
    owner = "rockfall-style" if model == "fast-style" else "rockfall-generators"
    record |= {"model": f"{owner}:{model}", "seed": 0, "threads": 1, "format": 1}
    (path / "run.json").write_text(json.dumps(record))
    os.utime(path / "run.json", (1000 + number, 1000 + number))


def one(text: str, method: str | None = None) -> Style:
    _, (style,) = resolve_styles(text, method)
    return style


def test_what_exists_is_taken(here: Path) -> None:
    assert one("night.jpg") == Style("night", "picture", "night.jpg")
    assert one(str(here / "night.jpg")).location == str(here / "night.jpg")
    assert one("wave").kind == "picture"  # though there is a published one
    assert one("night") == Style("night", "folder", "night")
    assert one("runs/mine-1") == Style("mine-1", "run", "runs/mine-1")
    assert one("a,b.png") == Style("a,b", "picture", "a,b.png")
    (here / "mine.safetensors").write_bytes(b"read when it is applied")
    assert one("mine.safetensors") == Style("mine", "file", "mine.safetensors")
    assert one("mine.safetensors").method == "fast-style"


def test_names(here: Path) -> None:
    assert one("mine-1").kind == "run"
    assert one("mine") == one("mine-1")  # as with other verbs, what begins one run alone
    assert one("scream").kind == "run"  # before the published one
    assert one("udnie") == Style("udnie", "published", "udnie")
    assert one("brush-strokes") == Style("brush-strokes", "picture", "brush-strokes")
    assert {"mine-1", "udnie", "brush-strokes"} <= set(names()) and "vae-1" not in names()


def test_the_newest_run_is_last_if_it_stylizes(here: Path) -> None:
    with pytest.raises(UsageError, match=r"vae .* but not stylizes"):
        one("last")
    run(here / "runs" / "newest", "fast-style", 9)
    assert one("last").name == "newest"


def test_several_with_commas(here: Path) -> None:
    method, styles = resolve_styles("udnie, night,mine-1")
    assert method == FAST_STYLE
    assert [style.kind for style in styles] == ["published", "folder", "run"]
    method, styles = resolve_styles("night.jpg,brush-strokes")
    assert method == GATYS and [style.kind for style in styles] == ["picture", "picture"]


def test_a_method_chooses_among_what_has_the_name(here: Path) -> None:
    assert resolve_styles("night.jpg", GATYS)[0] == GATYS
    assert resolve_styles("udnie", FAST_STYLE)[0] == FAST_STYLE
    with pytest.raises(
        UsageError, match=r"fast-style takes a trained style, and night\.jpg is a p"
    ):
        resolve_styles("night.jpg", FAST_STYLE)
    with pytest.raises(UsageError, match="gatys takes its style from a picture, and udnie is a tr"):
        resolve_styles("udnie", GATYS)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("udni", "no style udni: .*did you mean udnie?"),
        ("starry.jpg", r"no style starry\.jpg"),
        ("qqqqqqqq", "come with Rockfall, la_muse, .*wreck are downloaded"),
        ("udnie,", "--style has an empty name"),
        ("", "--style has an empty name"),
        ("empty", r"empty is no style: it has neither manifest\.json nor a run"),
        ("runs/vae-1", "but not stylizes; models that do: fast-style"),
        ("vae-1", "but not stylizes; models that do: fast-style"),
        ("night.jpg,udnie", "night is a picture and udnie a trained style; one at a time"),
    ],
)
def test_refused_in_one_line(here: Path, text: str, wanted: str) -> None:
    with pytest.raises(RockfallError, match=wanted) as error:
        resolve_styles(text)
    assert "\n" not in str(error.value)


def test_what_is_no_picture_is_told_at_once(here: Path) -> None:
    (here / "notes.txt").write_text("no picture")
    with pytest.raises(UsageError, match=r"notes\.txt can't be read as a picture"):
        resolve_styles("notes.txt")


def test_a_damaged_run_is_no_style(here: Path) -> None:
    (here / "runs" / "mine-1" / "run.json").write_text("{")
    assert "mine-1" not in names()
    with pytest.raises(RockfallError, match=r"run\.json is damaged"):
        resolve_styles("mine-1")
