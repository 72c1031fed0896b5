"""The modules of each distribution, and what they import, read as text: nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = {
    path.name: path
    for parent in ("core", "envs/*", "plugins/*")
    for path in ROOT.glob(f"{parent}/src/*")
    if path.is_dir() and not path.name.endswith(".egg-info")
}
"""Import name → folder."""


def modules(package: str) -> dict[str, Path]:
    """Dotted name → file; templates are text to be filled in, not modules."""
    folder = PACKAGES[package]
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        if "templates" not in parts:
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of every import of a file, wherever it stands, for types alone too; the name
    is empty for `import module`.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def graph(package: str) -> dict[str, set[str]]:
    """Each module and the modules of the same package that it imports."""
    known = modules(package)
    arrows: dict[str, set[str]] = {}
    for name, path in known.items():
        targets = set()
        for module, attribute in imported(path):
            submodule = f"{module}.{attribute}"
            targets.add(submodule if submodule in known else module)
        arrows[name] = {target for target in targets if target in known and target != name}
    return arrows


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """The modules of one circle, in order; empty if there is none."""
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in done:
            return []
        for target in sorted(arrows[name]):
            if found := visit(target, [*trail, name]):
                return found
        done.add(name)
        return []

    return next((found for name in arrows if (found := visit(name, []))), [])
