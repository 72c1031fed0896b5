"""`rockfall list` and `rockfall info` of kinds and capabilities, for whoever writes a plugin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rockfall.registry import registry
from tests.core.sites import REGISTER, Site
from tests.core.test_cli_train import rockfall

CODE = '''
import typing

class Moves(typing.Protocol):
    def move(self, steps: int, /) -> "Tensor":
        """Steps → positions (N, 2)."""

    def _hidden(self): ...

@typing.runtime_checkable
class Dances(Moves, typing.Protocol):
    """Dances to music."""

    tempo: float
    """Beats a minute."""
    shoes: str

    def dance(self, music: "Tensor", *, slowly: bool = False) -> dict[str, int]:
        """Music (N, T) → steps by name.

        In order.
        """

def evaluate(model, source, *, seed, limit):
    """`grace`: from 0 to 1,
    by a jury.
    """

def check(model, source):
    """It does not fall."""
'''
DANCES = (
    "register.capability(name='dances', summary='dances to music', target='fake_dance:Dances', "
    "verb='dance RUN', verb_needs='music', evaluate='fake_dance:evaluate', "
    "check='fake_dance:check', derived={'falls': 'falls a minute'}, snapshots='fake_dance:draw')"
)
DANCER = (
    "register.model(name='dancer', summary='dances', target='fake_dance:Dancer', "
    "learns_from=('music', 'pictures'), default_source='waltz', capabilities=('dances',))"
)
WALTZ = (
    "register.dataset(name='waltz', summary='a waltz', target='fake_dance:waltz', kinds=('music',))"
)


@pytest.fixture
def dance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder where a plugin with a capability, a model that has it and a source is installed."""
    site = tmp_path / "site"
    site.mkdir()
    Site(site).add(
        "dance", CODE + REGISTER + "".join(f"    {call}\n" for call in (DANCES, DANCER, WALTZ))
    )
    monkeypatch.syspath_prepend(site)
    registry.cache_clear()
    yield tmp_path
    registry.cache_clear()


def data(folder: Path, *words: str) -> Any:
    done = rockfall(folder, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_capabilities_are_listed(dance: Path) -> None:
    (mine,) = [
        c for c in data(dance, "list", "capabilities")["capabilities"] if c["verb"] == "dance RUN"
    ]
    assert (mine["name"], mine["distribution"]) == ("dances", "dance")
    assert "  dances " in rockfall(dance, "list", "capabilities").stdout
    assert "capabilities" not in data(dance, "list"), "by default what can be trained, and on what"


def test_kinds_are_listed_with_their_sources_and_models(dance: Path) -> None:
    kinds = {kind["name"]: kind for kind in data(dance, "list", "kinds")["kinds"]}
    assert kinds["music"] == {
        "name": "music",
        "summary": "",
        "sources": ["waltz"],
        "models": ["dancer"],
    }
    assert "dancer" in kinds["pictures"]["models"]
    assert "digits" in kinds["pictures"]["sources"]
    assert "waltz" not in kinds["pictures"]["sources"]
    assert "falling-rocks-8x8" in kinds["discrete-actions"]["sources"]
    assert kinds["continuous-actions"]["summary"].startswith("any Gymnasium id")
    lines = rockfall(dance, "list", "kinds").stdout.splitlines()
    at = lines.index("music: of a plugin")
    assert [line.split() for line in lines[at + 1 : at + 3]] == [
        ["sources", "waltz"],
        ["models", "dancer"],
    ]


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("CartPole-v1", ["environment", "discrete-actions"]),
        ("Pendulum-v1", ["environment", "continuous-actions"]),
        ("digits", ["pictures", "labelled-pictures"]),
        ("ring", ["vectors", "labelled-vectors"]),
        ("flower", ["picture"]),
    ],
)
def test_the_kinds_that_sources_have_are_among_the_listed(
    tmp_path: Path, source: str, kinds: list[str]
) -> None:
    assert data(tmp_path, "info", source)["kinds"] == kinds
    listed = {kind["name"]: kind["summary"] for kind in data(tmp_path, "list", "kinds")["kinds"]}
    assert all(listed[kind] for kind in kinds)


def test_what_a_capability_takes(dance: Path) -> None:
    found = data(dance, "info", "dances")
    assert found["members"] == [
        {
            "name": "move",
            "signature": "move(steps: int, /) -> 'Tensor'",
            "documentation": "Steps → positions (N, 2).",
        },
        {"name": "tempo", "signature": "tempo: float", "documentation": "Beats a minute."},
        {"name": "shoes", "signature": "shoes: str", "documentation": ""},
        {
            "name": "dance",
            "signature": "dance(music: 'Tensor', *, slowly: bool=False) -> dict[str, int]",
            "documentation": "Music (N, T) → steps by name.\n\nIn order.",
        },
    ]
    assert found["measures"] == "`grace`: from 0 to 1, by a jury."
    assert found["conformance"] == "It does not fall."
    assert found["models"] == ["dancer"]
    assert (found["verb"], found["distribution"]) == ("dance RUN", "dance")


def test_a_capability_for_people(dance: Path) -> None:
    lines = rockfall(dance, "info", "dances").stdout.splitlines()
    assert lines[0] == "dances: dances to music  (from dance)"
    assert lines[lines.index("  tempo: float") + 1] == "      Beats a minute."
    rows = {
        line[:12].strip(): line[14:] for line in lines if line[:12].strip() and line[12:14] == "  "
    }
    assert rows["verb"] == "rockfall dance RUN, after a source of the kind music"
    assert rows["derives"] == "falls (falls a minute)"
    assert rows["pictures"] == "while it learns"
    assert rows["models"] == "dancer"
    assert lines[-1] == 'next: register.model(…, capabilities=("dance:dances",)) in your plugin'


def test_every_installed_capability_can_be_described(tmp_path: Path) -> None:
    for name in registry().capabilities.names():
        found = data(tmp_path, "info", name)
        assert found["members"], name
        assert all(member["documentation"] for member in found["members"]), name
        assert found["models"], name


def test_what_describes_no_source_takes_no_options(dance: Path) -> None:
    done = rockfall(dance, "info", "dances", "source.limit=3")
    assert done.returncode == 2
    assert "dances is a capability, and source.limit=3 is for a source" in done.stderr


def test_a_source_wins_over_a_capability_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    call = "register.capability(name='digits', summary='counts', target='fake_count:Counts')"
    Site(site).registering("count", call)
    monkeypatch.syspath_prepend(site)
    registry.cache_clear()
    assert data(tmp_path, "info", "digits")["kinds"] == ["pictures", "labelled-pictures"]
    registry.cache_clear()
