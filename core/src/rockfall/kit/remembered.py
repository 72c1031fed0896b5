"""What was computed of a class, remembered until a file of its package changes.

To show a model's settings takes its module, which imports torch: a second's work for a page of
text that is the same every time. So the text is kept in the user's folder of state, beside a digest
of the names, sizes and times of all files that it may come from.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rockfall.errors import RockfallError
from rockfall.kit.files import read_json, state_folder, write_json

SETTLED = {"abc", "builtins", "pydantic", "torch", "typing"}
"""Packages of base classes whose releases change no text."""


def remembered(target: str, compute: Callable[[], tuple[Any, Iterable[type]]]) -> Any:
    """What `compute` gives first, as JSON has it, of the class `package.module:Class`.

    compute: called unless its result is kept and no file has changed since. It also gives the
        classes from whose packages the result comes.
    """
    name = hashlib.sha256(target.encode()).hexdigest()[:32]
    file = state_folder() / "remembered" / f"{name}.json"
    with contextlib.suppress(RockfallError, LookupError, TypeError):
        if (kept := read_json(file))["files"] == _digest(kept["packages"]):
            return kept["result"]
    result, classes = compute()
    packages = {base.__module__.partition(".")[0] for each in classes for base in each.__mro__}
    packages = {"rockfall", target.partition(".")[0].partition(":")[0], *packages} - SETTLED
    with contextlib.suppress(RockfallError, OSError, TypeError, ValueError):
        files = _digest(sorted(packages))
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, {"packages": sorted(packages), "files": files, "result": result})
    return result


def _digest(packages: Iterable[str]) -> str:
    """Of the names, sizes and times of the Python files of packages. Raises LookupError for one
    that is not there.
    """
    stamps = hashlib.sha256()
    for package in packages:
        spec = importlib.util.find_spec(package)
        if spec is None:
            raise LookupError(package)
        for folder in spec.submodule_search_locations or ():
            for where, folders, names in os.walk(folder):
                folders.sort()
                for name in sorted(name for name in names if name.endswith(".py")):
                    _stamp(stamps, Path(where, name))
        if spec.origin:
            _stamp(stamps, Path(spec.origin))
    return stamps.hexdigest()


def _stamp(stamps: Any, file: Path) -> None:
    with contextlib.suppress(OSError):
        found = file.stat()
        stamps.update(f"{file}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
