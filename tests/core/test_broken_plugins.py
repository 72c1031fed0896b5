"""Whatever a plugin's code does, its failure is one line that names the plugin, and where."""

from __future__ import annotations

import json
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rockfall.registry import registry
from tests.core.sites import REGISTER, Site, model
from tests.core.test_cli_train import rockfall
from tests.core.test_registry import _forget_fakes

Typed = Callable[..., subprocess.CompletedProcess[str]]

THING = """
import os
import torch
import rockfall

class Odd(BaseException): pass

class Thing(torch.nn.Linear):
    class Config(rockfall.Config):
        steps: int = 3
    def __init__(self, config, info):
        {build}
        super().__init__(info.shape[-1], 2)
        self.config = config
    def fit(self, source, run):
        for step in run.steps(self.config.steps):
            {fit}
            run.log(loss=1.0)
    def state_dict(self, *args, **kwargs):
        {state}
        return super().state_dict(*args, **kwargs)
"""
FAILURES = {
    "1 / 0": "ZeroDivisionError: division by zero",
    "raise SystemExit(3)": "SystemExit: 3",
    "raise Odd('odd')": "Odd: odd",
    "raise KeyError": "KeyError: no message",
    "raise OSError(28, 'No space left', 'x')": "x: No space left",
    "import no_such_module": "No module named 'no_such_module'",
    "raise ValueError('two\\nlines')": "two lines",
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    path = tmp_path / "site"
    path.mkdir()
    monkeypatch.syspath_prepend(path)
    _forget_fakes()
    registry.cache_clear()
    yield Site(path)
    registry.cache_clear()
    _forget_fakes()


@pytest.fixture
def typed(site: Site, tmp_path: Path) -> Typed:
    """`rockfall …` in this process, which sees the site."""
    return lambda *words: rockfall(tmp_path, *words)


def learns(site: Site, *, top: str = "", module: str = "fake_rockfall_bad", **places: str) -> None:
    """Lay in a model whose parts do what is said."""
    code = THING.format(**{"build": "pass", "fit": "pass", "state": "pass", **places})
    call = model(target="fake_thing:Thing", capabilities=())
    site.add("rockfall-bad", REGISTER + f"    {call}\n")
    (site.path / "fake_thing.py").write_text(f"{textwrap.dedent(code)}\n{top}\n")


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("rockfall: ")]
    assert len(told) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return told[0]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("place", ["top", "build", "fit"])
def test_a_model_that_fails_is_named(place: str, failure: str, site: Site, typed: Typed) -> None:
    learns(site, **{place: failure})
    done = typed("train", "thing", "digits")
    if place == "build" and "ValueError" in failure:  # a model says so what it can't take
        assert (done.returncode, "thing: two lines" in done.stderr) == (2, True)
        return
    told = one_line(done)
    assert "rockfall-bad's model thing" in told
    assert FAILURES[failure].removeprefix("x: ") in told
    if place == "fit" and "SystemExit" not in failure:
        assert "fake_thing.py line" in told or "x: No space" in told


def test_a_model_that_is_not_there(site: Site, typed: Typed) -> None:
    cases = {
        "no_such_module:Thing": "No module named 'no_such_module'",
        "json:Thing": "module 'json' has no attribute 'Thing'",
        "json:loads": "has no Config",
    }
    for number, (target, why) in enumerate(cases.items()):
        for info in site.path.glob("*.dist-info"):
            info.rename(info.with_suffix(".gone"))
        site.registering(f"rockfall-{number}", model(target=target, capabilities=()))
        registry.cache_clear()
        told = one_line(typed("train", "thing", "digits"))
        assert why in told
        assert "thing" in told
        if "Config" not in why:
            assert f"rockfall-{number}'s model thing can't be loaded from {target}" in told


@pytest.mark.parametrize("returned", ["5", "None", "'text'", "[1]"])
def test_a_state_dict_that_is_none(returned: str, site: Site, typed: Typed) -> None:
    learns(site, state=f"return {returned}")
    told = one_line(typed("train", "thing", "digits"))
    assert f"rockfall-bad:thing: state_dict() returned {returned}, which is no dict" in told


@pytest.mark.parametrize("missing", ["fit", "load_state_dict", "state_dict"])
def test_a_model_that_lacks_a_method(missing: str, site: Site, typed: Typed) -> None:
    learns(site, top=f"Thing.{missing} = None")
    told = one_line(typed("train", "thing", "digits"))
    assert f"rockfall-bad's model thing has no {missing}()" in told


@pytest.mark.parametrize("number", ["0", "-5", "True", "'1'", "None", "1.0", "2", "[1]"])
def test_an_api_number_that_is_none(number: str, site: Site) -> None:
    site.add("rockfall-bad", REGISTER.replace("= 1", f"= {number}") + "    pass\n")
    (bad,) = (plugin for plugin in registry().plugins if plugin.distribution == "rockfall-bad")
    assert bad.status == "failed"
    assert "rockfall_api = 1" in bad.error or "speaks plugin API 2" in bad.error
    assert number in ("None", "2") or number in bad.error


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("kind", ["dataset", "picture"])
def test_a_source_that_fails_is_named(kind: str, failure: str, site: Site, typed: Typed) -> None:
    kinds = ", kinds=('pictures',)" if kind == "dataset" else ""
    call = f"register.{kind}(name='seen', summary='s', target='fake_rockfall_bad:seen'{kinds})"
    code = f"class Odd(BaseException): pass\ndef seen():\n    {failure}\n{REGISTER}    {call}\n"
    site.add("rockfall-bad", code)
    told = one_line(typed("show", "seen"))
    assert f"rockfall-bad's {kind} seen" in told or "x: No space left (in rockfall-bad" in told
    assert FAILURES[failure] in told


@pytest.mark.parametrize("failure", FAILURES)
def test_a_verb_that_fails_is_named(failure: str, site: Site, typed: Typed) -> None:
    if "SystemExit" in failure:  # a verb may end so
        return
    call = "register.command(name='dance', summary='s', target='fake_rockfall_bad:dance')"
    verb = f"import click\n@click.command()\ndef dance():\n    {failure}\n"
    site.add("rockfall-bad", f"class Odd(BaseException): pass\n{verb}{REGISTER}    {call}\n")
    told = one_line(typed("dance"))
    assert FAILURES[failure] in told
    assert "(in rockfall-bad, fake_rockfall_bad.py line 5)" in told


def test_a_verb_that_is_none(site: Site, typed: Typed) -> None:
    call = "register.command(name='dance', summary='s', target='json:loads')"
    site.registering("rockfall-bad", call)
    assert "rockfall-bad's command dance: json:loads is no click.Command" in one_line(
        typed("dance")
    )


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("part", ["evaluate", "pictures", "snapshots"])
def test_a_capability_that_fails_is_named(
    part: str, failure: str, site: Site, typed: Typed
) -> None:
    learns(site)
    target = {part: "fake_moves:measure"}
    spec = {"name": "moves", "summary": "s", "target": "fake_moves:Moves", **target}
    (site.path / "fake_moves.py").write_text(
        "class Moves: pass\nclass Odd(BaseException): pass\n"
        f"def measure(*_, **__):\n    {failure}\n"
    )
    call = model("mover", target="fake_thing:Thing", capabilities=("moves",))
    site.registering("rockfall-moves", f"register.capability(**{spec!r})", call)
    done = typed("train", "mover", "digits")
    if part == "evaluate" or "Odd" in failure:
        told = one_line(done)
    else:  # what can't be drawn ends no training
        assert done.returncode == 0, done.stderr
        told = done.stderr
    assert "rockfall-moves" in told
    assert FAILURES[failure] in " ".join(told.split()) or "No space left" in told


@pytest.mark.long
def test_a_slow_registration_is_told_with_its_time(site: Site) -> None:
    site.add("rockfall-slow", "import time; time.sleep(0.6)\n" + REGISTER + "    pass\n")
    site.add("rockfall-heavy", "import numpy\n" + REGISTER + "    pass\n")
    lines = site.run("plugins").stdout.splitlines()
    (slow,) = (line for line in lines if "rockfall-slow" in line)
    (heavy,) = (line for line in lines if "rockfall-heavy" in line)
    assert "takes 0.6 s to register" in slow or "takes 0.7 s to register" in slow
    assert "imports numpy; takes" in heavy
    told = json.loads(site.run("plugins", "--json", "slow").stdout)
    assert told[0]["seconds"] >= 0.6
    assert not [line for line in lines if "to register" in line and "rockfall-vision" in line]
