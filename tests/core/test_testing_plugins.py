"""`check_registration` and `check_plugin` say what is wrong with a distribution."""

from __future__ import annotations

from pathlib import Path

import pytest

import rockfall.testing.plugins as kit
from rockfall.errors import Unavailable
from rockfall.registry import registry
from rockfall.testing import check_plugin, check_registration
from tests.core.sites import REGISTER, Site, model

CHECKED = "rockfall-checked"


def code(call: str, more: str = "") -> str:
    return f"{REGISTER}    {call}\n{more}"


THING = "class Thing: ...\n"
OWN = "fake_rockfall_checked"

FLIES = """from typing import Protocol, runtime_checkable
from rockfall.kit.ready import Ready
@runtime_checkable
class Flies(Protocol):
    def fly(self): ...
"""
READY = f"register.capability(name='flies', summary='x', target='{OWN}:Flies', ready='{OWN}:ready')"

FAULTY = {
    "heavy": ("import torch\n" + code("pass"), f"importing {OWN} imports torch, for which"),
    "failed": ("1 / 0", "entry point rockfall-checked: it failed to load: ZeroDivisionError"),
    "no target": (
        code(model()),
        "loaded from fake:Thing: ModuleNotFoundError: No module",
    ),
    "no attribute": (
        code(model(target=f"{OWN}:Absent")),
        "AttributeError: module 'fake_rockf",
    ),
    "long summary": (
        code(model(summary="long " * 20, target=f"{OWN}:Thing"), THING),
        "model thing: its summary is over 80 characters",
    ),
    "full stop": (
        code(model(summary="A thing.", target=f"{OWN}:Thing"), THING),
        "its summary ends in a full stop",
    ),
    "not a command": (
        code(f"register.command(name='fly', summary='x', target='{OWN}:Thing')", THING),
        f"command fly: {OWN}:Thing is not a click.Command",
    ),
    "a command without help": (
        code(
            f"register.command(name='fly', summary='x', target='{OWN}:fly')",
            "import click\n@click.command()\ndef fly(): ...\n",
        ),
        "command fly: the command has no help text",
    ),
    "an opener of everything": (
        code(
            f"register.source_opener(name='any', summary='x', target='{OWN}:any_source')",
            "def any_source(text, options): return object()\n",
        ),
        "source opener any: it opens what is not there",
    ),
    "no protocol": (
        code(f"register.capability(name='flies', summary='x', target='{OWN}:Thing')", THING),
        f"capability flies: {OWN}:Thing is not a typing.Protocol",
    ),
    "protocol not runtime-checkable": (
        code(
            f"register.capability(name='flies', summary='x', target='{OWN}:Flies')",
            "from typing import Protocol\nclass Flies(Protocol):\n    def fly(self): ...\n",
        ),
        "capability flies: it is not @runtime_checkable",
    ),
    "verb that is not there": (
        code(
            f"register.capability(name='flies', summary='x', target='{OWN}:Flies', verb='fly')",
            "from typing import Protocol, runtime_checkable\n@runtime_checkable\n"
            "class Flies(Protocol):\n    def fly(self): ...\n",
        ),
        "capability flies: no command fly is registered",
    ),
    "pictures that are not there": (
        code(
            f"register.capability(name='flies', summary='x', target='{OWN}:Flies', "
            f"pictures='{OWN}:draw')",
            "from typing import Protocol, runtime_checkable\n@runtime_checkable\n"
            "class Flies(Protocol):\n    def fly(self): ...\n",
        ),
        "capability flies: AttributeError",
    ),
    "ready ones that are none": (
        code(READY, f"{FLIES}def ready(): return {{'bird': object()}}\n"),
        "capability flies: ready bird is no rockfall.kit.ready.Ready",
    ),
    "a ready one that does not open": (
        code(READY, f"{FLIES}def ready(): return {{'bird': Ready('x', lambda: 1 / 0)}}\n"),
        "ready bird: ZeroDivisionError",
    ),
    "a ready one that is downloaded and does not say so": (
        code(
            READY,
            f"import socket\n{FLIES}def fetch(): socket.getaddrinfo('a.b', 80)\n"
            "def ready(): return {'bird': Ready('x', fetch)}\n",
        ),
        "ready bird: it needs the network",
    ),
    "a baseline that is not there": (
        code(
            f"register.environment(name='game', summary='x', target='{OWN}:Thing', "
            "gymnasium_id='Game-v0', kinds=('environment',), "
            f"baselines={{'best': '{OWN}:best'}})",
            THING,
        ),
        "environment game: AttributeError",
    ),
}


def lay_in(site: Site, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add(CHECKED, source)
    monkeypatch.syspath_prepend(site.path)
    monkeypatch.setenv("PYTHONPATH", str(site.path))
    monkeypatch.delitem(kit.sys.modules, OWN, raising=False)
    found = registry.__wrapped__()
    monkeypatch.setattr(kit, "registry", lambda: found)


@pytest.mark.long
@pytest.mark.parametrize("case", FAULTY)
def test_a_faulty_plugin_is_told(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, complaint = FAULTY[case]
    lay_in(Site(tmp_path), source, monkeypatch)
    with pytest.raises(AssertionError) as error:
        check_registration(CHECKED)
    assert str(error.value).startswith(f"plugin {CHECKED}: ")
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    "requirement", ["rockfall-core<2", "rockfall-core (==1.0)", "Rockfall.Core~=1.0"]
)
def test_a_plugin_must_not_cap_the_core(
    requirement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_in(Site(tmp_path), code("pass"), monkeypatch)
    monkeypatch.setattr(kit, "requires", lambda name: ["numpy<3", requirement])
    with pytest.raises(AssertionError, match="the core's next version would break it"):
        check_registration(CHECKED)
    monkeypatch.setattr(kit, "requires", lambda name: ["rockfall-core>=0.1; python_version<'9'"])
    check_registration(CHECKED)


def test_what_is_not_installed() -> None:
    with pytest.raises(AssertionError, match="plugin rockfall-absent: it is not installed"):
        check_registration("rockfall-absent")


def test_a_plugin_is_found_by_any_spelling() -> None:
    check_registration("Rockfall_Datasets")


@pytest.mark.long
def test_the_whole_of_a_good_plugin() -> None:
    check_plugin("falling-rocks")


def test_data_that_can_t_be_had_is_told_when_all_else_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked = []

    def check(name: str) -> None:
        checked.append(name)
        if name.endswith(("kmnist", "cifar10")):
            raise Unavailable(f"no {name}")

    monkeypatch.setattr(kit, "check_registration", lambda _: None)
    monkeypatch.setattr(kit, "check_dataset", check)
    with pytest.raises(Unavailable, match=r"^no [\w-]+:cifar10; no [\w-]+:kmnist$"):
        check_plugin("rockfall-datasets")
    owned = {e.full_name for e in registry().datasets if e.owner == "rockfall-datasets"}
    assert set(checked) == owned
