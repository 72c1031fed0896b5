"""`rockfall install`: into this environment, asked first, torch untouched, one line if it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from rockfall import packages
from rockfall.errors import RockfallError, UsageError
from tests.core.sites import REGISTER, model
from tests.core.wheels import make_wheel

Cli = Callable[..., subprocess.CompletedProcess[str]]
PLUGIN = REGISTER + f"    {model('greeting')}\n"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that there is to install: nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "rockfall-hello", "1.0", code=PLUGIN)
    make_wheel(folder, "rockfall-hello", "1.1", code=PLUGIN, requires=["made-helper", "torch"])
    make_wheel(folder, "hello", plugin=False)
    make_wheel(folder, "made-helper", plugin=False)
    make_wheel(folder, "plain", plugin=False)
    make_wheel(folder, "rockfall-broken", code="1 / 0")
    make_wheel(folder, "rockfall-old", requires=["torch<2"])
    make_wheel(folder, "rockfall-lost", requires=["no-such-package"])
    make_wheel(folder, "torch", "1.13", plugin=False)
    return folder


@pytest.fixture(scope="module")
def cli(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """`rockfall …` in an environment of its own that also sees all that is installed here."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    (own,) = folder.glob("lib/*/site-packages")
    here = sysconfig.get_path("purelib")
    (own / "here.pth").write_text(f"import site; site.addsitedir({here!r})\n")

    def run(*arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-c", "from rockfall.cli import main; main()", *arguments],
            env={**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)},
            input=answer,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.long
def test_it_shows_and_asks_and_no_changes_nothing(cli: Cli) -> None:
    done = cli("install", "hello", answer="n\n")
    assert done.returncode == 130
    assert "rockfall-hello 1.1" in done.stdout
    assert "made-helper 1.0" in done.stdout
    assert "torch" not in done.stdout
    assert "rockfall-hello" not in cli("plugins").stdout


@pytest.mark.long
def test_it_installs_what_was_shown_and_says_what_it_brings(cli: Cli) -> None:
    first = cli("install", "rockfall-hello==1.0", "--yes")
    assert first.returncode == 0, first.stderr
    assert "rockfall-hello  model greeting" in first.stdout
    assert first.stdout.splitlines()[-1] == "next: rockfall list  ·  rockfall train greeting"
    data = json.loads(cli("install", "rockfall-hello>=1.1", "--yes", "--json").stdout)
    assert data["installed"] == [
        {"name": "rockfall-hello", "version": "1.1", "before": "1.0"},
        {"name": "made-helper", "version": "1.0", "before": ""},
    ]
    assert data["plugins"][0]["provides"] == ["model greeting"]
    assert "greeting" in cli("list", "models").stdout
    again = cli("install", "hello", "--yes")
    assert "installed already" in again.stdout


@pytest.mark.long
def test_a_name_without_its_prefix_falls_back_and_a_path_is_a_path(cli: Cli, wheels: Path) -> None:
    done = cli("install", "plain", "--yes")
    assert done.returncode == 0, done.stderr
    assert "plain 1.0" in done.stdout
    assert "none of it is a plugin" in done.stdout
    asked = cli("install", str(wheels / "hello-1.0-py3-none-any.whl"), answer="n")
    assert "  hello 1.0" in asked.stdout


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "code", "complaint"),
    [
        ("old", 1, f"needs torch<2, and the torch {version('torch')} here stays as it is"),
        ("lost", 2, "pip finds nothing for no-such-package, which rockfall-lost needs"),
        ("absent", 2, "pip finds no package absent or rockfall-absent"),
        ("rockfall-absent", 2, "pip finds no package rockfall-absent"),
        ("./absent", 1, "pip failed: "),
        ("broken", 1, "rockfall-broken is installed, but does not load: ZeroDivisionError"),
    ],
)
def test_what_can_not_be_is_one_line(cli: Cli, name: str, code: int, complaint: str) -> None:
    done = cli("install", name, "--yes")
    assert done.returncode == code, done.stderr
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


SETUP = """
import pathlib
pathlib.Path({mark!r}).write_text("its code ran")
from setuptools import setup
setup(name="rockfall-built", version="1.0", py_modules=[], install_requires=[])
"""
BACKEND = """
import pathlib
pathlib.Path({mark!r}).write_text("its code ran")
from setuptools.build_meta import *
"""
BY_BACKEND = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "rockfall-built"
version = "1.0"
"""


def source(folder: Path, mark: Path, kind: str) -> Path:
    """A folder that has to be built, whose code leaves a mark."""
    folder.mkdir()
    if kind == "setup.py":
        (folder / "setup.py").write_text(SETUP.format(mark=str(mark)))
    else:
        (folder / "backend.py").write_text(BACKEND.format(mark=str(mark)))
        (folder / "pyproject.toml").write_text(BY_BACKEND)
    return folder


def packed(folder: Path) -> Path:
    with tarfile.open(folder.parent / "rockfall_built-1.0.tar.gz", "w:gz") as archive:
        archive.add(folder, "rockfall_built-1.0")
    return folder.parent / "rockfall_built-1.0.tar.gz"


def committed(folder: Path) -> str:
    for words in (["init", "-q"], ["add", "."], [*IDENTITY, "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return f"git+file://{folder}"


IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b.example")
FORMS: dict[str, Callable[[Path], str]] = {
    "folder": str,
    "folder with an extra": lambda folder: f"{folder}[more]",
    "file URL": lambda folder: folder.as_uri(),
    "named URL": lambda folder: f"rockfall-built @ {folder.as_uri()}",
    "sdist": lambda folder: str(packed(folder)),
    "repository": committed,
    "a wheel that needs it": lambda folder: str(
        make_wheel(folder.parent, "rockfall-sly", requires=[f"rockfall-built @ {folder.as_uri()}"])
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["setup.py", "backend"])
def test_no_code_of_a_package_runs_before_it_is_asked(
    form: str, kind: str, tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    mark = tmp_path / "mark"
    wanted = FORMS[form](source(tmp_path / "built", mark, kind))
    with pytest.raises(packages.NeedsBuild, match="has no wheel"):
        packages.resolve([wanted])
    assert not mark.exists()


@pytest.mark.long
def test_it_is_asked_before_a_build_and_yes_is_an_answer(cli: Cli, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    folder = source(tmp_path / "built", mark, "backend")
    asked = cli("install", str(folder), answer="n\n")
    assert asked.returncode == 130
    assert "has no wheel: run its code to find out what it needs? [y/N]" in asked.stdout
    assert not mark.exists()
    assert cli("install", str(folder)).returncode == 130, "no answer is no"
    assert not mark.exists()
    done = cli("install", str(folder), answer="y\nn\n")
    assert "rockfall-built 1.0" in done.stdout
    assert mark.exists()


def test_a_program_must_say_yes(cli: Cli) -> None:
    done = cli("install", "hello", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "add --yes to --json" in done.stderr


def test_options_of_pip_are_not_smuggled_in() -> None:
    with pytest.raises(UsageError, match="--index-url=x is no package"):
        packages.resolve(["--index-url=x"])


def test_without_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RockfallError, match=r"there is no pip here: .* -m ensurepip"):
        packages.resolve(["hello"])


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            "WARNING: Retrying … Failed to establish a new connection: [Errno 111]\n"
            "ERROR: No matching distribution found for rockfall-hello\n",
            "pip can't reach the package index: is there a network?",
        ),
        (
            "error: externally-managed-environment\n\n× This environment …\n",
            "this Python belongs to the system: make a venv and install there",
        ),
        (
            "ERROR: Cannot install rockfall-old because these package versions have conflicting "
            "dependencies.\n\nThe conflict is caused by:\n    rockfall-old 1.0 depends on torch<2\n"
            "    The user requested (constraint) torch==2.13.0\n",
            f"rockfall-old 1.0 needs torch<2, and the torch {version('torch')} here stays as it is",
        ),
        ("ERROR: Could not install: [Errno 28] No space left\n", "pip failed: Could not install"),
        ("", "pip failed: it did not say why"),
    ],
)
def test_what_pip_says_becomes_one_line(
    said: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = subprocess.CompletedProcess([], 1, "", said)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(RockfallError) as error:
        packages.install(["rockfall-hello"], [])
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)
