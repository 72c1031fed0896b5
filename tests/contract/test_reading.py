"""Settings that are read of a model's source are those of the model, and take no torch."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rockfall.kit.reading import Unread, read
from rockfall.pages.model_info import settings_of
from rockfall.registry import registry

MODELS = registry().models.names()
HEAVY = {"torch", "numpy", "gymnasium", "sklearn", "stable_baselines3"}


@pytest.mark.parametrize("name", MODELS)
def test_what_is_read_is_what_is_imported(name: str) -> None:
    spec = registry().models.find(name).spec
    found, kind = read(spec.target, "Config", "presets", "no_such_thing"), spec.load()
    assert found["Config"].described() == kind.Config.described()
    assert found.get("presets", {}) == getattr(kind, "presets", {})
    assert "no_such_thing" not in found
    assert found["Config"].build(name) == found["Config"].build(name)


@pytest.mark.long
def test_info_of_every_model_imports_nothing_heavy() -> None:
    code = f"""
import sys
from rockfall.commands.info import command
for name in {MODELS!r}:
    command.main([name], standalone_mode=False)
print(*({HEAVY!r} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ""


HEAD = """
from __future__ import annotations
from typing import Any, ClassVar, Literal
import torch
from pydantic import Field, field_validator
import rockfall
from {package} import other
from {package}.other import Base as Renamed, LOW, helper
raise RuntimeError("it was imported")
"""
OTHER = """
import rockfall
from pydantic import Field
LOW = 3
def helper(x):
    import torch
    return x
class Settings(rockfall.Config):
    a: int = Field(LOW, ge=1, description="a")
class Base:
    Config = Settings
    presets = {"tiny": {"a": LOW - 1}}
"""
READABLE = {
    "inherited": ("class Model(Renamed): pass", 3),
    "inherited of a module": ("class Model(torch.nn.Module, other.Base): pass", 3),
    "its own": ("class Model(Renamed):\n    class Config(rockfall.Config):\n        a: int = 5", 5),
    "a chain": (
        "class Next(other.Settings):\n    a: int = 7\nclass Model(Renamed):\n    Config = Next",
        7,
    ),
    "computed": ("class Model:\n    class Config(rockfall.Config):\n        a: int = LOW + 1", 4),
    "annotated": (
        "class Model:\n    class Config(rockfall.Config):\n        a: Literal[3, 4] = 3",
        3,
    ),
    "validated": (
        "class Model:\n    class Config(rockfall.Config):\n        a: int = 6\n"
        "        @field_validator('a')\n        @classmethod\n"
        "        def even(cls, a): return helper(a)",
        6,
    ),
}
UNREAD = {
    "decorated": "@helper\nclass Model(Renamed): pass",
    "made by a call": "Model = helper(Renamed)",
    "changed later": "class Model(Renamed):\n    pass\nModel.presets = {}",
    "changed in a loop": "class Model(Renamed):\n    pass\nfor x in []: Model.y = x",
    "in a condition": "if LOW:\n    class Model(Renamed): pass",
    "twice": "class Model(Renamed):\n    pass\nclass Model(Renamed):\n    pass",
    "of a metaclass": "class Model(Renamed, metaclass=type): pass",
    "two bases that have it": "class Model(Renamed, other.Base): pass",
    "in the body of a loop": "class Model(Renamed):\n    for x in (): Config = x",
    "by a tuple": "class Model(Renamed):\n    Config, presets = 1, 2",
    "of a name that is not": "class Model(Renamed):\n    Config = missing",
    "of what raises": "class Model(Renamed):\n    Config = 1 / 0",
    "not there": "pass",
}


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any) -> Any:
    package = f"read_{abs(hash(request.node.name))}"
    folder = tmp_path / package
    folder.mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    (folder / "__init__.py").write_text("")
    (folder / "other.py").write_text(OTHER)

    def make(code: str) -> str:
        (folder / "moves.py").write_text(HEAD.format(package=package) + code + "\n")
        return f"{package}.moves:Model"

    return make


@pytest.mark.parametrize("case", READABLE)
def test_only_what_is_needed_is_executed(case: str, target: Any) -> None:
    code, default = READABLE[case]
    found = read(target(code), "Config", "presets")
    assert found["Config"]().a == default
    assert ("presets" in found) == ("Renamed" in code or "other.Base" in code)


@pytest.mark.parametrize("case", UNREAD)
def test_what_may_be_otherwise_is_unread(case: str, target: Any) -> None:
    with pytest.raises(Unread):
        read(target(UNREAD[case]), "Config", "presets")


@pytest.mark.parametrize(
    "name", ["json:JSONDecoder", "no_such_module:Model", "math:Model", "a.b.c:D"]
)
def test_what_is_no_model_s_module(name: str) -> None:
    with contextlib.suppress(Unread):
        assert read(name, "Config") == {}


def test_settings_are_imported_where_they_can_t_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = registry().models.find("lenet5").spec
    config, presets = settings_of(spec)

    def refuse(*_: object) -> None:
        raise Unread("all")

    monkeypatch.setattr("rockfall.pages.model_info.read", refuse)
    imported, same = settings_of(spec)
    assert imported.described() == config.described()
    assert same == presets
