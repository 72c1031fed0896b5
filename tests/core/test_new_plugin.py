"""`rockfall new-plugin`: what it writes installs, is listed, learns, and passes its own tests."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rockfall.commands.new_plugin import command
from rockfall.errors import RockfallError, UsageError
from rockfall.scaffold import render, write_plugin
from tests.core.sites import Site

README = Path(__file__).parents[2] / "README.md"
MARKED = re.compile(r"<!-- new-plugin (\S+): (\S+) -->\s*```\w*\n(.*?)```", re.DOTALL)


def test_its_plugin_installs_is_listed_and_passes_its_own_tests(tmp_path: Path) -> None:
    folder = write_plugin("my-first", tmp_path)
    site = Site(tmp_path / "site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(site.path)]
    subprocess.run([*pip, *offline, str(folder)], check=True)
    listed = json.loads(site.run("list", "models", "--json").stdout)["models"]
    assert ("my-first", "rockfall-my-first") in [(m["name"], m["distribution"]) for m in listed]
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", folder],
        env={**os.environ, "PYTHONPATH": str(site.path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout
    assert "2 passed" in tested.stdout


def test_a_name_takes_every_form_that_it_needs() -> None:
    files = render("deep-dream-2")
    names = {path.as_posix() for path in files}
    assert "src/rockfall_deep_dream_2/deep_dream_2.py" in names
    assert "src/rockfall_deep_dream_2/py.typed" in names
    texts = "".join(files.values())
    assert "hello" not in texts.lower()
    assert 'target="rockfall_deep_dream_2.deep_dream_2:DeepDream2"' in texts
    assert 'name = "rockfall-deep-dream-2"' in texts
    for path, text in files.items():
        if path.suffix == ".py":
            compile(text, str(path), "exec")


def test_the_command_says_what_it_wrote_and_what_to_type_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(command, ["hello"]).output
    assert said.splitlines()[0] == "wrote rockfall-hello"
    assert "next: pip install -e ./rockfall-hello" in said.splitlines()[-1]
    (tmp_path / "plugins").mkdir()
    told = json.loads(CliRunner().invoke(command, ["hello", "--into", "plugins", "--json"]).output)
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
        ("mlp", "rockfall-vision has a model named mlp"),
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
