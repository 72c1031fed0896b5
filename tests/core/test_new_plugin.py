"""`rockfall new-plugin`: what it writes installs, is listed, learns, and passes its own tests."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from rockfall.commands.new_plugin import command
from rockfall.errors import RockfallError, UsageError
from rockfall.scaffold import KINDS, TEMPLATES, render, write_plugin
from tests.architecture.test_public_names import is_public, public, used_of_the_core
from tests.core.sites import Site

README = Path(__file__).parents[2] / "README.md"
MARKED = re.compile(r"<!-- new-plugin (\S+): (\S+) -->\s*```\w*\n(.*?)```", re.DOTALL)


LISTED_AS = {"dataset": "datasets", "environment": "environments"}
"""What `rockfall list` has a plugin's first thing under; the other kinds are models."""
SLOW = {"generator", "painter", "agent", "command", "classifier", "environment"}
"""Kinds whose own tests take some seconds."""


@pytest.mark.long
@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=[pytest.mark.slow] if k in SLOW else []) for k in KINDS]
)
def test_its_plugin_installs_is_there_and_passes_its_own_tests(kind: str, tmp_path: Path) -> None:
    folder = write_plugin("my-first", tmp_path, kind)
    site = Site(tmp_path / "site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(site.path)]
    subprocess.run([*pip, *offline, str(folder)], check=True)
    check_there(kind, site)
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", folder],
        env={**os.environ, "PYTHONPATH": str(site.path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout
    assert re.search(r"^[23] passed", tested.stdout, re.MULTILINE), tested.stdout


def check_there(kind: str, site: Site) -> None:
    if kind == "command":
        assert "the tensors that a trained model is made of" in site.run("--help").stdout
        assert "List the tensors of RUN's model" in site.run("my-first", "--help").stdout
    else:
        name = LISTED_AS.get(kind, "models")
        listed = json.loads(site.run("list", name, "--json").stdout)[name]
        assert ("my-first", "rockfall-my-first") in [(m["name"], m["distribution"]) for m in listed]


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_takes_every_form_that_it_needs(kind: str) -> None:
    files = render("deep-dream-2", kind)
    names = {path.as_posix() for path in files}
    assert "src/rockfall_deep_dream_2/deep_dream_2.py" in names
    assert "src/rockfall_deep_dream_2/py.typed" in names
    texts = "".join(files.values())
    assert "hello" not in (texts + "".join(names)).lower()
    assert 'target="rockfall_deep_dream_2.deep_dream_2:' in texts
    assert 'name = "rockfall-deep-dream-2"' in texts
    for path, text in files.items():
        if path.suffix == ".py":
            compile(text, str(path), "exec")


@pytest.mark.parametrize("kind", KINDS)
def test_requires_the_core_and_is_complete(kind: str) -> None:
    files = render("hello", kind)
    project = tomllib.loads(files[Path("pyproject.toml")])["project"]
    needs = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert "rockfall-core>=0.2" in needs
    plugin = next(text for path, text in files.items() if path.name.endswith("plugin.py"))
    assert ("rockfall-capabilities>=0.2" in project["dependencies"]) == ("capabilities=" in plugin)
    assert 'check_plugin("rockfall-hello")' in files[Path("tests/test_plugin.py")]
    assert files[Path("README.md")].startswith("# rockfall-hello\n")


@pytest.mark.parametrize("kind", KINDS)
def test_imports_public_names_alone(kind: str, tmp_path: Path) -> None:
    known = public()
    for file in write_plugin("hello", tmp_path, kind).rglob("*.py"):
        assert not [used for used in used_of_the_core(file) if not is_public(used, known)], file


def test_there_is_a_template_for_every_kind() -> None:
    assert {path.parent.name for path in TEMPLATES.glob("*/pyproject.toml")} == KINDS.keys()


def test_the_command_says_what_it_wrote_and_what_to_type_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(command, ["hello"]).output
    assert said.splitlines()[0] == "wrote rockfall-hello"
    assert said.splitlines()[-1] == (
        "next: pip install -e ./rockfall-hello  ·  rockfall train hello  ·  pytest ./rockfall-hello"
    )
    (tmp_path / "plugins").mkdir()
    words = ["hello", "--into", "plugins", "--kind", "dataset", "--json"]
    told = json.loads(CliRunner().invoke(command, words).output)
    assert told["kind"] == "dataset"
    assert told["folder"] == "plugins/rockfall-hello"
    assert all((tmp_path / told["folder"] / file).is_file() for file in told["files"])
    assert stat.S_IMODE((tmp_path / told["folder"]).stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("Hello", "use lower-case letters, digits and dashes"),
        ("hello world", "use lower-case letters"),
        ("../hello", "use lower-case letters"),
        ("hello_world", "use lower-case letters"),
        ("-", "use lower-case letters"),
        ("1st", "use lower-case letters"),
        ("", "use lower-case letters"),
        ("rockfall-hello", "; say hello"),
        ("class", "is a word of Python's"),
        ("plugin", "is the name of a file"),
        ("vision", "rockfall-vision is installed"),
        ("mlp", "the model mlp is in rockfall-vision"),
        ("digits", "the dataset digits is in rockfall-datasets"),
        ("train", "the command train is in rockfall-core"),
    ],
)
def test_a_name_that_can_not_be_is_refused(name: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(complaint)):
        write_plugin(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "rockfall-hello").mkdir()
    (tmp_path / "rockfall-hello" / "mine").write_text("precious")
    with pytest.raises(UsageError, match="is there already"):
        write_plugin("hello", tmp_path)
    assert (tmp_path / "rockfall-hello" / "mine").read_text() == "precious"


def test_a_disk_that_refuses_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = Path.write_text, []

    def fill_up(self: Path, *args: str, **kwargs: str) -> int:
        written.append(self)
        if len(written) == 4:
            raise OSError(28, "No space left on device")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", fill_up)
    with pytest.raises(RockfallError, match=r"can't write .*: No space left on device"):
        write_plugin("hello", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_readme_shows_what_the_command_writes() -> None:
    shown = MARKED.findall(README.read_text("utf-8")) if README.exists() else []
    if not shown:
        pytest.skip("README.md has no `<!-- new-plugin NAME: FILE -->` before a block of code yet")
    for name, file, text in shown:
        assert text == render(name)[Path(file)], f"README.md differs from {file}; paste it anew"
