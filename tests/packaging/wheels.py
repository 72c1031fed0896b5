"""Wheels of the checkout's distributions, and environments that are made of them alone.

Nothing is fetched: the build tools and what others publish come from the environment of the tests.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import pyproject_hooks
from build import ProjectBuilder

ROOT = Path(__file__).parents[2]


def build(folder: Path, into: Path) -> Path:
    """Build a wheel from a copy: setuptools would leave things lying in the folder."""
    left_out = shutil.ignore_patterns("*.egg-info", "__pycache__", "build")
    with tempfile.TemporaryDirectory() as scratch:
        copy = shutil.copytree(folder, Path(scratch) / "copy", ignore=left_out)
        builder = ProjectBuilder(copy, runner=pyproject_hooks.quiet_subprocess_runner)
        return Path(builder.build("wheel", into))


@functools.cache
def _built() -> Path:
    return Path(tempfile.mkdtemp(prefix="rockfall-wheels-"))


@functools.cache
def wheel(folder: Path) -> Path:
    """The wheel of a distribution of the checkout, built once a process."""
    return build(folder, _built())


def discard() -> None:
    """Remove what `wheel` built."""
    if _built.cache_info().currsize:
        shutil.rmtree(_built(), ignore_errors=True)
        _built.cache_clear()
        wheel.cache_clear()


class Environment:
    """A virtual environment: these wheels, and what is published by others."""

    def __init__(self, folder: Path, wheels: Iterable[Path]) -> None:
        self.folder = folder
        self.work = folder / "work"
        venv = [sys.executable, "-m", "venv", "--without-pip", folder]
        subprocess.run(venv, check=True)
        self.work.mkdir()
        (site,) = folder.glob("lib/*/site-packages")
        published = folder / "published"
        _link_published(published)
        # A plain line: unlike site.addsitedir, it follows no .pth file, so no editable install.
        (site / "published.pth").write_text(f"{published}\n")
        self.pip("install", "--no-index", "--no-deps", *map(str, wheels))

    def run(
        self, program: str, *arguments: str, code: int = 0, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """A program of the environment, in a folder of its own; asserts its exit code."""
        kept = {key: os.environ[key] for key in ("HOME", "PATH", "LANG") if key in os.environ}
        done = subprocess.run(
            [self.folder / "bin" / program, *arguments],
            # PIP_CONFIG_FILE: pip is to know no index but the one that it is told of.
            env={**kept, "PIP_CONFIG_FILE": os.devnull, "OMP_NUM_THREADS": "1", **variables},
            cwd=self.work,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{program} {arguments}: {done.stdout}{done.stderr}"
        return done

    def pip(self, *arguments: str) -> None:
        self.run("python", "-m", "pip", "-q", "--disable-pip-version-check", *arguments)

    def rockfall(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """What `rockfall …` says, on standard output or, if it fails, on standard error."""
        done = self.run("rockfall", *arguments, code=code, **variables)
        return done.stderr if code else done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.rockfall(*arguments, "--json"))

    def python(self, source: str) -> str:
        return self.run("python", "-c", source).stdout


def _link_published(into: Path) -> None:
    """Links to all that is installed here but for what the checkout has a part in."""
    into.mkdir()
    hidden = {name for found in distributions() if _is_ours(found) for name in _tops(found)}
    sites = {Path(str(found.locate_file(""))) for found in distributions()}
    for site in sites:
        for path in site.iterdir():
            if path.name not in hidden and path.suffix != ".pth" and site.name == "site-packages":
                (into / path.name).symlink_to(path)


def _is_ours(found: Distribution) -> bool:
    """Whether a distribution is Rockfall's, or installed from a folder: the checkout's are."""
    direct = json.loads(found.read_text("direct_url.json") or "{}")
    plugin = any(entry.group == "rockfall" for entry in found.entry_points)
    return plugin or direct.get("dir_info", {}).get("editable", False)


def _tops(found: Distribution) -> set[str]:
    """The names in `site-packages` that a distribution wrote."""
    return {file.parts[0] for file in found.files or ()}
