"""Installing packages with pip into this environment, without changing what it stands on."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from rockfall.errors import RockfallError, UsageError
from rockfall.kit.guarded_pip import REFUSED, pip_command
from rockfall.registry import canonical

PINNED = ("torch", "numpy")
"""What an installation must not change: torch is built for this machine, and numpy fits it."""

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
PREFIX = "rockfall-"

OFFLINE = ("Failed to establish a new connection", "Name or service not known", "NameResolution")


class NeedsBuild(RockfallError):
    """Some of it has no wheel, so that pip has to run its code to find out what it needs."""


@dataclass(frozen=True)
class Package:
    """One package that is to be installed, and the version that is there now."""

    name: str
    version: str
    before: str = ""

    def __str__(self) -> str:
        change = f" (instead of {self.before})" if self.before else ""
        return f"{self.name} {self.version}{change}"


def resolve(wanted: Sequence[str], *, build: bool = False) -> tuple[list[str], list[Package]]:
    """What pip would install for names, paths, URLs or requirements, and under which names.

    A bare name, `hello`, is looked for as `rockfall-hello` first. Nothing is changed.
    build: whether code of the packages may run. Raises NeedsBuild if it had to and may not,
    UsageError for what there is not, RockfallError if pip can't, each with one line.
    """
    _check_pip()
    requirements = [_prefixed(text) for text in wanted]
    while True:
        try:
            return requirements, _dry_run(requirements, build)
        except _NotFound as error:
            # Each turn gives up the prefix of one more name, so that it ends.
            tried = [canonical(text) for text in requirements]
            if error.name not in tried:
                raise UsageError(str(error)) from None
            at = tried.index(error.name)
            if requirements[at] == wanted[at]:
                also = "" if wanted[at].startswith(PREFIX) else f" or {PREFIX}{wanted[at]}"
                raise UsageError(f"pip finds no package {wanted[at]}{also}") from None
            requirements[at] = wanted[at]


def install(requirements: Sequence[str], packages: Iterable[Package]) -> None:
    """Install exactly the packages that `resolve` gave. Raises RockfallError in one line."""
    _pip(["install", *requirements], [f"{p.name}=={p.version}" for p in packages])


class _NotFound(Exception):
    def __init__(self, name: str, requirement: str, needed_by: str | None) -> None:
        self.name = name
        who = f", which {needed_by} needs" if needed_by else ""
        super().__init__(f"pip finds nothing for {requirement}{who}")


def _prefixed(text: str) -> str:
    """`rockfall-hello` for `hello`; paths, URLs and versioned requirements as they are."""
    if text.startswith("-"):
        raise UsageError(f"{text} is no package; options of pip go to pip itself")
    bare = NAME.fullmatch(text) and not canonical(text).startswith(PREFIX)
    return PREFIX + text if bare and not Path(text).is_file() else text


def _dry_run(requirements: Sequence[str], build: bool) -> list[Package]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        _pip(["install", "--dry-run", "--report", str(report), *requirements], build=build)
        found = [item["metadata"] for item in json.loads(report.read_bytes())["install"]]
    return [Package(data["name"], data["version"], _installed(data["name"])) for data in found]


def _pip(arguments: list[str], constraints: Sequence[str] = (), *, build: bool = True) -> None:
    pins = [f"{name}=={there}" for name in PINNED if (there := _installed(name))]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "constraints.txt"
        file.write_text("".join(f"{line}\n" for line in dict.fromkeys([*pins, *constraints])))
        command, *rest = arguments
        options = ["--no-input", "--disable-pip-version-check", "--retries", "1"]
        done = subprocess.run(
            [*pip_command(build), command, *options, "--constraint", str(file), *rest],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise _reason(done.stdout + done.stderr)


def _reason(said: str) -> Exception:
    """Pip's many lines as one that says what is wrong and what to do."""
    if REFUSED in said:
        begun = re.findall(r"^\s*(?:Collecting|Processing|Obtaining) (\S+)", said, re.MULTILINE)
        return NeedsBuild(f"{begun[-1] if begun else 'it'} has no wheel")
    if any(sign in said for sign in OFFLINE):
        return RockfallError("pip can't reach the package index: is there a network?")
    if "externally-managed-environment" in said:
        return RockfallError("this Python belongs to the system: make a venv and install there")
    if clash := re.search(r"(\S+) (\S+) depends on ((torch|numpy)\b[^\n]*)", said):
        name, its_version, requirement, pinned = clash.groups()
        return RockfallError(_conflict(f"{name} {its_version}", requirement.strip(), pinned))
    if missing := re.search(
        r"satisfies the requirement (.+?)(?: \(from ([^()]+)\))? \(from v", said
    ):
        requirement, needed_by = missing.groups()
        name = canonical(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])
        if name in PINNED:
            return RockfallError(_conflict(needed_by or "it", requirement, name))
        return _NotFound(name, requirement, needed_by)
    errors = [line for line in said.splitlines() if line.lower().startswith("error:")]
    lines = errors or said.strip().splitlines() or ["it did not say why"]
    return RockfallError(f"pip failed: {lines[0].partition(':')[2].strip() or lines[0]}")


def _conflict(who: str, requirement: str, pinned: str) -> str:
    return f"{who} needs {requirement}, and the {pinned} {_installed(pinned)} here stays as it is"


def _check_pip() -> None:
    if importlib.util.find_spec("pip") is None:
        raise RockfallError(f"there is no pip here: `{sys.executable} -m ensurepip` installs it")
    found = _installed("pip")
    if found and int(found.partition(".")[0]) < 23:
        raise RockfallError(f"pip {found} is too old: `pip install --upgrade pip`")


def _installed(name: str) -> str:
    try:
        return version(name) or ""
    except Exception:  # there is none, or what it says of itself can't be read
        return ""
