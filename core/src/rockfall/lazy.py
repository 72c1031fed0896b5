"""Modules that offer names of others, imported on first use: `import rockfall` must stay light."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def attach(module: str, names: Mapping[str, str]) -> tuple[Callable[[str], Any], list[str]]:
    """A module's `__getattr__` and `__all__`. names: home → the names that it has, in words."""
    homes = {name: home for home, listed in names.items() for name in listed.split()}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return get, sorted(homes)
