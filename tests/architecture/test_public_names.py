"""The public names: few, documented, and all that a plugin imports of the core."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import rockfall
import rockfall.kit
from tests.architecture.modules import PACKAGES, ROOT, modules

DOORS = ("rockfall", "rockfall.plugin", "rockfall.verbs", "rockfall.testing", "rockfall.estimators")
MOST = 70
"""Names of the five doors together: 60, the pretend device, which a plugin's tests open, the
promise of a verb that trains, which is kept when the run is resumed, the model to begin with,
which the studio offers, five from which scikit-learn's estimators are made, the check of
several devices, and the folder of runs, in which a sweep makes its own.
"""
_KIT = [f"rockfall.kit.{module.name}" for module in pkgutil.iter_modules(rockfall.kit.__path__)]
KIT = tuple(name for name in _KIT if hasattr(importlib.import_module(name), "__all__"))
"""Those without `__all__` are the kit's own."""


def public() -> dict[str, set[str]]:
    return {name: set(importlib.import_module(name).__all__) for name in (*DOORS, *KIT)}


def test_the_doors_are_few_and_every_name_is_there() -> None:
    found = public()
    assert sum(len(found[door]) for door in DOORS) <= MOST
    for module, names in found.items():
        for name in names:
            assert hasattr(importlib.import_module(module), name), f"{module}.{name}"


@pytest.mark.parametrize("module", [*DOORS, *KIT])
def test_every_public_name_is_documented(module: str) -> None:
    home = importlib.import_module(module)
    assert home.__doc__, module
    for name in home.__all__:
        value = getattr(home, name)
        assert not inspect.ismodule(value), f"{module}.{name} is a whole module"
        if inspect.isclass(value) or inspect.isfunction(value):
            text = value.__doc__ or ""
            assert text, f"{module}.{name} has no docstring"
            assert not text.startswith(f"{name}("), f"{module}.{name} has the docstring of a tuple"


@pytest.mark.parametrize("package", sorted(PACKAGES.keys() - {"rockfall"}))
def test_a_plugin_imports_public_names_alone(package: str) -> None:
    known = public()
    wrong = [
        f"{name}: {used}"
        for name, path in modules(package).items()
        for used in used_of_the_core(path)
        if not is_public(used, known)
    ]
    assert not wrong, "\n".join(wrong)


def is_public(used: str, known: dict[str, set[str]]) -> bool:
    module, _, name = used.rpartition(".")
    return used in known or name in known.get(module, ())


def used_of_the_core(path: Path) -> Iterator[str]:
    """`module.name` of what a file imports from the core, and of what it takes from a module of it
    that it imported whole, such as `pictures.save`.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    whole: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rockfall":
            for alias in node.names:
                used = f"{node.module}.{alias.name}"
                yield used
                if used in KIT:
                    whole[alias.asname or alias.name] = used
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "rockfall":
                    assert alias.name == "rockfall" or alias.asname, f"{path}: import {alias.name}"
                    whole[alias.asname or "rockfall"] = alias.name
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name)) if name in whole:
                yield f"{whole[name]}.{node.attr}"


def test_what_is_not_public_is_found(tmp_path: Path) -> None:
    file = tmp_path / "plugin.py"
    file.write_text(
        "import rockfall\nfrom rockfall.kit import pictures\nfrom rockfall.run import nest\n"
        "rockfall.train, rockfall.config, pictures.save, pictures._opened\n"
    )
    wrong = [used for used in used_of_the_core(file) if not is_public(used, public())]
    assert wrong == ["rockfall.run.nest", "rockfall.config", "rockfall.kit.pictures._opened"]


def test_the_public_names_are_written_down() -> None:
    text = (ROOT / "core" / "README.md").read_text(encoding="utf-8")
    rows = {
        row.split("`")[1]: set(row.split(" | ")[1].strip(" |").replace("`", "").split(", "))
        for row in text.partition("<!-- public names -->")[2].splitlines()
        if row.startswith("| `rockfall")
    }
    assert rows == public()
