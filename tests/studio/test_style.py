"""What Style asks: photographs, styles in turn, and paintings that grow."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import rockfall
from rockfall import RockfallError, UsageError
from rockfall.kit.ready import Ready
from rockfall_studio.asks import Answer
from rockfall_studio.studio import Studio
from rockfall_studio.views.style import painters, styles
from tests.studio.conftest import Asking


class Negative:
    def stylize(self, picture: Tensor) -> Tensor:
        return 255 - picture


class Darker:
    def stylize(self, picture: Tensor) -> Tensor:
        return picture // 2


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where what comes from the page is kept."""
    monkeypatch.setenv("ROCKFALL_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two styles, and the names of those that were opened."""
    opened: list[str] = []

    def opening(name: str, kind: type) -> Any:
        opened.append(name)
        return kind()

    ready = {
        "far": Ready("far away", lambda: opening("far", Negative), 6.7),
        "negative": Ready("its negative", lambda: opening("negative", Negative)),
        "darker": Ready("half as bright", lambda: opening("darker", Darker)),
    }
    monkeypatch.setattr(styles, "ready", lambda: ready)
    monkeypatch.setattr(styles, "_opened", styles._Opened())
    return opened


def photograph(width: int = 40, height: int = 30) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def kept(asking: Asking, pixels: np.ndarray, name: str = "my photo.JPG") -> str:
    return str(asking("style.keep", png(pixels), name=name).data["picture"])


# Photographs ------------------------------------------------------------------------------------


def test_what_comes_from_the_page_is_kept_under_its_content(asking: Asking) -> None:
    pixels = photograph()
    answer = asking("style.keep", png(pixels), name="../../my Photo!.JPG")
    name = answer.data["picture"]
    assert re.fullmatch(r"my-photo-[0-9a-f]{16}", name)
    assert (answer.data["width"], answer.data["height"]) == (40, 30)
    assert np.array_equal(answer.planes[0], pixels)
    assert np.array_equal(asking("style.look", picture=name).planes[0], pixels)
    assert kept(asking, pixels, name) == f"{name[:40].strip('-')}-{name[-16:]}"
    assert kept(asking, 255 - pixels) != name


def test_a_large_photograph_is_shown_small(asking: Asking) -> None:
    answer = asking("style.keep", png(photograph(1400, 700)), name="a")
    assert answer.planes[0].shape == (256, 512, 3)
    assert (answer.data["width"], answer.data["height"]) == (1400, 700)


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../x", "nothing-0123456789abcdef", "a/../b-0123456789abcdef"]
)
def test_no_other_name_and_no_path_is_a_picture(asking: Asking, name: str, there: Any) -> None:
    for fields in ({"picture": name}, {"picture": name, "styles": ["ready:negative"]}):
        with pytest.raises(UsageError, match="there is no picture"):
            list(asking.stream("style.apply" if "styles" in fields else "style.look", **fields))
    with pytest.raises(UsageError, match="there is no picture"):
        asking("style.paint", model="painter", picture=name)


@pytest.mark.parametrize("content", [b"", b"no picture at all", png(photograph())[:90]])
def test_what_is_no_picture_is_refused_in_one_line(
    asking: Asking, content: bytes, own_state: Path
) -> None:
    with pytest.raises(UsageError, match=r"this picture can't be read|no picture came") as error:
        asking("style.keep", content, name="x.png")
    assert "\n" not in str(error.value) and "/tmp" not in str(error.value)
    assert not own_state.exists()


# Styles -----------------------------------------------------------------------------------------


def test_styles_pictures_and_painters_are_those_of_the_registry(
    asking: Asking, there: list[str]
) -> None:
    data = asking("style.styles").data
    assert [style["style"] for style in data["styles"]] == [
        "ready:negative",
        "ready:darker",
        "ready:far",
    ]
    assert data["styles"][-1]["megabytes"] == 6.7
    assert {"china", "flower", "stained-glass"} <= {each["name"] for each in data["pictures"]}
    named = {each["name"]: each["restyles"] for each in data["painters"]}
    assert named == {"gatys": True, "painter": False, "evolve": False}
    assert data["painters"][0]["restyles"]
    assert data["first"] == "china"
    assert there == []  # to list them opens none


def test_published_styles_are_ready() -> None:
    found = styles.ready()
    assert {"wave", "scream", "udnie"} <= set(found)
    assert all(isinstance(each, Ready) for each in found.values())


def test_styles_are_applied_in_turn_and_each_stage_is_shown(
    asking: Asking, there: list[str]
) -> None:
    pixels = photograph()
    fields = {"picture": kept(asking, pixels), "styles": ["ready:negative", "ready:darker"]}
    answers = [each for each in asking.stream("style.apply", passes=2, **fields) if each]
    names = ["the photograph", "negative", "darker", "negative", "darker"]
    assert [each.data["name"] for each in answers] == names
    assert [each.data["stage"] for each in answers] == [0, 1, 2, 3, 4]
    expected = pixels
    for number, each in enumerate(answers):
        if number:
            expected = 255 - expected if number % 2 else expected // 2
        assert np.array_equal(each.planes[0], expected)
    assert there == ["negative", "darker"]


def test_a_chain_that_is_left_opens_no_more(asking: Asking, there: list[str]) -> None:
    fields = {"picture": kept(asking, photograph()), "styles": ["ready:negative", "ready:darker"]}
    stream = asking.stream("style.apply", **fields)
    next(stream), next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert there == ["negative"]


def test_a_photograph_is_no_larger_than_asked_for(asking: Asking, there: list[str]) -> None:
    fields = {"picture": kept(asking, photograph(200, 100)), "styles": ["ready:negative"]}
    *_, last = asking.stream("style.apply", size=50, **fields)
    assert last is not None and last.planes[0].shape == (25, 50, 3)


@pytest.mark.parametrize("style", ["ready:no-such", "wave", "run:no-such", "file:/etc/passwd", ""])
def test_an_unknown_style_is_refused(asking: Asking, there: list[str], style: str) -> None:
    picture = kept(asking, photograph())
    with pytest.raises(RockfallError, match=r"there is no (style|run)"):
        list(asking.stream("style.apply", picture=picture, styles=[style]))


@pytest.mark.slow
def test_a_trained_style_of_a_run_is_applied(
    asking: Asking, studio: Studio, there: list[str]
) -> None:
    run = rockfall.train("fast-style", preset="tiny", name="mine", out=studio.out, listeners=[])
    assert asking("style.styles").data["styles"][0]["style"] == "run:mine"
    pixels = photograph(64, 48)
    fields = {"picture": kept(asking, pixels), "styles": ["run:mine"]}
    *_, last = asking.stream("style.apply", **fields)
    model: Any = run.model
    with rockfall.eval_mode(model):
        expected = model.stylize(torch.tensor(pixels).permute(2, 0, 1))
    assert last is not None
    difference = last.planes[0].astype(int) - expected.permute(1, 2, 0).numpy()
    assert abs(difference).mean() < 1  # in bf16, where that is faster


# Paintings --------------------------------------------------------------------------------------


class Trainings:
    """Instead of processes."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def train(self, model: str, words: list[str]) -> Any:
        self.asked.append((model, words))
        return type("Training", (), {"run": "painting-1"})

    def close(self) -> None:
        pass


def test_a_painting_is_trained_as_it_would_be_typed(asking: Asking, studio: Studio) -> None:
    trainings: Any = Trainings()
    studio.trainings = trainings
    own = kept(asking, photograph())
    fields = {"model": "gatys", "picture": own, "style": "woodcut", "size": 96}
    assert asking("style.paint", **fields).data == {"run": "painting-1"}
    ((model, (path, *words)),) = trainings.asked
    assert model == "gatys" and words == ["source.size=96", "style=woodcut"]
    assert np.array_equal(np.array(Image.open(path)), photograph())


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"model": "lenet5"}, "lenet5 paints no picture"),
        ({"model": "painter", "style": "woodcut"}, "painter takes no style"),
        ({"model": "gatys", "style": "/etc/passwd"}, "there is no picture /etc/passwd"),
    ],
)
def test_what_can_t_be_painted_is_refused(
    asking: Asking, fields: dict[str, str], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        asking("style.paint", picture="china", **fields)


@pytest.mark.long
def test_a_painting_is_shown_as_it_grows(
    asking: Asking, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    rockfall.train("painter", preset="tiny", name="mine", out=studio.out, listeners=[])
    directory = studio.run("mine")
    assert asking("style.styles").data["paintings"] == ["mine"]
    for path in directory.pictures.iterdir():
        path.unlink()
    result = directory.result_file.read_bytes()
    directory.result_file.unlink()
    monkeypatch.setattr(type(directory), "status", "running")
    stream = asking.stream("style.grow", run="mine")

    def left(name: str, level: int) -> None:
        Image.new("RGB", (4, 4), (level,) * 3).save(directory.pictures / name)

    def level(answer: Answer | None) -> int:
        assert answer is not None
        return int(np.array(Image.open(io.BytesIO(answer.planes[0].tobytes()))).max())

    assert next(stream) is None
    left("painting-0.png", 10)
    (directory.pictures / "painting-7.txt").touch()
    first = next(stream)
    assert first is not None and first.data["step"] == 0 and level(first) == 10
    assert next(stream) is None
    left("painting-9.png", 20)
    left("painting-10.png", 30)
    second = next(stream)
    assert second is not None and second.data["step"] == 10 and level(second) == 30
    left("painting.png", 40)
    directory.result_file.write_bytes(result)
    third = next(stream)
    assert third is not None and third.data["step"] is None and level(third) == 40
    monkeypatch.setattr(type(directory), "status", "finished")
    last = next(stream)
    assert last is not None and not last.data["running"] and not last.planes
    assert next(stream, "end") == "end"


@pytest.mark.long
def test_a_link_in_place_of_a_painting_is_not_followed(
    asking: Asking, studio: Studio, tmp_path: Path
) -> None:
    rockfall.train("painter", preset="tiny", name="mine", out=studio.out, listeners=[])
    directory = studio.run("mine")
    for path in directory.pictures.iterdir():
        path.unlink()
    secret = tmp_path / "secret.png"
    Image.new("RGB", (4, 4)).save(secret)
    (directory.pictures / "painting.png").symlink_to(secret)
    assert painters.newest(directory) == (None, None)
