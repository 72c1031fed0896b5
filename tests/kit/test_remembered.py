"""What is remembered of a class is what would be computed, whatever happened to its files."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rockfall.kit.remembered import remembered


class Package:
    """Two packages, of which the class of one derives from the other's; counts computations."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.computed = 0
        for name in ("first_of_two", "second_of_two"):
            (folder / name).mkdir()
            (folder / name / "__init__.py").write_text("")
            (folder / name / "part.py").write_text("VALUE = 1\n")
        self.base = type("Base", (), {"__module__": "second_of_two.part"})
        self.kind = type("Kind", (self.base,), {"__module__": "first_of_two.part"})

    def ask(self) -> Any:
        def compute() -> tuple[Any, tuple[type, ...]]:
            self.computed += 1
            return {"computed": self.computed}, (self.kind,)

        return remembered("first_of_two.part:Kind", compute)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    monkeypatch.setenv("ROCKFALL_STATE", str(tmp_path / "state"))
    code = tmp_path / "code"
    code.mkdir()
    monkeypatch.syspath_prepend(str(code))
    yield Package(code)
    importlib.invalidate_caches()


def later(file: Path) -> None:
    found = file.stat()
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns + 1))


CHANGES: dict[str, Callable[[Path], object]] = {
    "a longer file": lambda code: (code / "first_of_two/part.py").write_text("VALUE = 100\n"),
    "a later file": lambda code: later(code / "first_of_two/part.py"),
    "a new file": lambda code: (code / "first_of_two/new.py").write_text(""),
    "a file that is gone": lambda code: (code / "first_of_two/part.py").unlink(),
    "a file of a base's package": lambda code: later(code / "second_of_two/part.py"),
    "a new name": lambda code: (code / "second_of_two/part.py").rename(
        code / "second_of_two/other.py"
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_computed_once_a_state_of_the_files(package: Package, change: str) -> None:
    assert [package.ask() for _ in range(3)] == [{"computed": 1}] * 3
    CHANGES[change](package.folder)
    assert [package.ask() for _ in range(3)] == [{"computed": 2}] * 3


@pytest.mark.parametrize("damage", ["", "{", "[]", "3", "{}", '{"files": 3}', '{"packages": [3]}'])
def test_a_damaged_memory_is_no_memory(package: Package, tmp_path: Path, damage: str) -> None:
    package.ask()
    (file,) = (tmp_path / "state" / "remembered").iterdir()
    file.write_text(damage)
    assert [package.ask() for _ in range(2)] == [{"computed": 2}] * 2


def test_where_nothing_can_be_kept_it_is_computed(package: Package, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    assert [package.ask() for _ in range(2)] == [{"computed": 1}, {"computed": 2}]


@pytest.mark.long
def test_info_tells_the_same_again_without_torch(tmp_path: Path) -> None:
    code = """
import sys
from rockfall.commands.info import command
command.main(["vae"], standalone_mode=False)
print("torch" in sys.modules)
"""
    environment = {**os.environ, "ROCKFALL_STATE": str(tmp_path)}
    first, again = (
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        ).stdout.splitlines()
        for _ in range(2)
    )
    assert first[:-1] == again[:-1]
    assert (first[-1], again[-1]) == ("True", "False")
