"""Modules that offer names of others, imported on first use: `import rockfall` must stay light."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

IMPORT = re.compile(r"^from (\S+) import (\w+) as \w+$", re.MULTILINE)


def attach(module: str, file: str) -> tuple[Callable[[str], Any], list[str]]:
    """A module's `__getattr__` and `__all__`. Its names, and where they are from, stand once: in
    the stub beside its file, `.pyi`, which type checkers and editors read too.
    """
    stub = Path(file).with_suffix(".pyi").read_text(encoding="utf-8")
    homes = {name: home for home, name in IMPORT.findall(stub)}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return get, sorted(homes)
