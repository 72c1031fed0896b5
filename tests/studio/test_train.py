"""What a page may train, and what is wrong with what it asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rockfall import RockfallError, UnknownName, UsageError
from rockfall.plugin import registry
from rockfall_studio import forms
from rockfall_studio.studio import Studio
from tests.studio.conftest import Asking


class Begun(list[tuple[str, list[str], dict[str, str]]]):
    """What would have been trained, in place of the trainings."""

    run = "a-run"

    def train(self, model: str, words: list[str], options: dict[str, str]) -> Any:
        self.append((model, words, options))
        return self

    def close(self) -> None:
        pass


@pytest.fixture
def begun(studio: Studio) -> Begun:
    found = Begun()
    studio.trainings = found  # type: ignore[assignment]
    return found


@pytest.mark.parametrize("model", [e.full_name for e in registry().models])
def test_every_model_has_a_form_that_it_accepts_as_it_is(model: str) -> None:
    """Filled in with what it begins with, as text, it is the model without any setting."""
    found = forms.form(model)
    kinds = {field["name"]: field["kind"] for field in found["fields"]}
    kind = registry().models.find(model).spec.load()
    assert list(kinds) == [setting.name for setting in kind.Config.described()]
    texts = {setting.name: setting.default for setting in kind.Config.described()}
    assert forms.problems(model, "", None, texts) == {}
    for field in found["fields"]:
        if field["kind"] == "choice":
            assert field["default"] is None or field["default"] in field["choices"]
            wrong = "neither"
        elif field["kind"] in ("integer", "number"):
            wrong = "many"
        elif field["kind"] == "boolean":
            wrong = "perhaps"
        else:
            continue
        assert list(forms.problems(model, "", None, {field["name"]: wrong})) == [field["name"]]
        assert field["description"]


def test_each_mistake_is_said_at_its_field(asking: Asking, begun: Begun) -> None:
    settings = {"lr": "-1", "epochs": "0", "optimizer": "adm", "lrr": "1", "layers": "relu"}
    for ask in ("train.check", "train.begin"):
        found = asking(ask, model="convnet", settings=settings).data["problems"]
        assert found.keys() == {"lr", "epochs", "optimizer", ""}
        assert "greater than 0" in found["lr"] and "did you mean lr?" in found[""]
    assert not begun


def test_a_training_is_begun_as_it_would_be_typed(asking: Asking, begun: Begun) -> None:
    asked = {
        "model": "convnet",
        "source": "digits",
        "settings": {"lr": "0.1", "layers": "conv 8 3x3 / relu"},
        "options": {"classes": "3,5"},
        "seed": 7,
        "name": "mine",
        "preset": "tiny",
    }
    assert asking("train.begin", **asked).data == {"run": "a-run"}
    assert begun == [
        (
            "convnet",
            ["digits", "lr=0.1", "layers=conv 8 3x3 / relu", "source.classes=3,5"],
            {"seed": "7", "name": "mine", "preset": "tiny"},
        )
    ]


@pytest.mark.parametrize(
    ("model", "source"),
    [
        ("mlp", "digits"),
        ("mlp", "rockfall-datasets:digits"),
        ("pqn", "CartPole-v1"),
        ("painter", "flower"),
    ],
)
def test_what_is_installed_may_be_named(
    asking: Asking, begun: Begun, model: str, source: str
) -> None:
    assert asking("train.begin", model=model, source=source).data == {"run": "a-run"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a picture, a folder and a module that nobody should reach."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.png").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    return tmp_path


OUTSIDE = [
    "/etc/passwd",
    "./photo.png",
    "photo.png",
    "folder",
    "~",
    "..",
    "evil:Env-v0",
    "evil:CartPole-v1",
    "os:CartPole-v1",
    "--out=/etc",
    "lr=1",
    "digits\0",
]


@pytest.mark.parametrize("source", OUTSIDE)
def test_files_and_modules_may_not_be_named(
    asking: Asking, begun: Begun, here: Path, source: str
) -> None:
    for model in ("pqn", "mlp", "painter"):
        found = asking("train.begin", model=model, source=source).data
        assert "rockfall studio --source" in found["problems"]["source"]
        with pytest.raises(UsageError):
            asking("build.stack", model=model, source=source, layers="relu")
    assert not begun


@pytest.mark.parametrize("value", ["photo.png", "./folder", "/etc/passwd", "~"])
def test_nor_in_a_setting_or_an_option(
    asking: Asking, begun: Begun, here: Path, value: str
) -> None:
    with pytest.raises(UsageError, match="can't name files"):
        asking("train.begin", model="gatys", settings={"style": value})
    found = asking("train.begin", model="mlp", options={"folder": value}).data["problems"]
    assert "source.folder" in found["source"] or "can't name files" in found["source"]
    with pytest.raises(UsageError, match="can't name files"):
        asking("train.resume", run=a_run(asking), settings={"steps": value})
    assert not begun


def a_run(asking: Asking) -> str:
    """The name of something that is taken for a run."""
    assert asking.studio.out is not None
    (asking.studio.out / "some").mkdir(parents=True, exist_ok=True)
    (asking.studio.out / "some" / "run.json").write_text("{}")
    return "some"


def test_unless_the_studio_was_started_with_them(tmp_path: Path, here: Path) -> None:
    studio = Studio(tmp_path / "runs", sources=["folder", "evil:Env-v0"])
    studio.trainings = begun = Begun()  # type: ignore[assignment]
    asking = Asking(studio)
    for source in ("folder", "evil:Env-v0"):
        asking("train.begin", model="pqn", source=source)
    assert [words for _, words, _ in begun] == [["folder"], ["evil:Env-v0"]]
    given = {each["name"] for each in asking("train.form", model="pqn").data["sources"]}
    assert {"folder", "evil:Env-v0", "CartPole-v1", "falling-rocks-8x8"} <= given


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "nothing"},
        {"model": "-h"},
        {"model": "mlp", "settings": {"source.limit": "3"}},
        {"model": "mlp", "settings": {"--out": "/etc"}},
        {"model": "mlp", "settings": {"lr": 3}},
        {"model": "mlp", "name": "x" * 101},
        {"model": "mlp", "seed": -1},
        {"model": "mlp", "out": "/etc"},
        {"model": "mlp", "settings": {f"a{n}": "1" for n in range(101)}},
    ],
)
def test_what_is_no_training_is_refused(
    asking: Asking, begun: Begun, fields: dict[str, Any]
) -> None:
    with pytest.raises(RockfallError):
        asking("train.begin", **fields)
    assert not begun


def test_an_unknown_preset_and_a_source_of_another_kind(asking: Asking, begun: Begun) -> None:
    found = asking("train.begin", model="mlp", preset="large").data["problems"]
    assert "no preset large" in found[""]
    found = asking("train.begin", model="mlp", source="falling-rocks-8x8").data["problems"]
    assert "learns from labelled-pictures" in found["source"]
    assert not begun


@pytest.mark.parametrize("run", ["..", "/etc", "some/../some", ""])
def test_a_run_is_named_not_reached_by_a_path(asking: Asking, run: str) -> None:
    a_run(asking)
    for ask in ("train.stop", "train.resume", "train.run"):
        with pytest.raises(UnknownName):
            asking(ask, run=run)
