"""Attributes of a class without importing its module: of the source, what they need and no more.

A model's settings stand beside its network, whose module imports torch, a second's work. To show
them takes the statements that define them: `class Config`, its bases, the constants in it, wherever
they come from. These are executed as they stand, and all else of the file is not. What can't be
told apart so, as what a loop or a call at the top of the file may change, is Unread, and whoever
asks imports the module after all.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

LIGHT = ("pydantic", "pydantic_core", "typing_extensions", "annotated_types", "rockfall")
"""What may be imported, beside the standard library. Of the last its names alone: it is lazy."""
BARE = ("torch", "typing", "abc")
"""Bases from here have no attributes of ours."""


class Unread(Exception):
    """It takes the module itself to tell."""


def read(target: str, *names: str) -> dict[str, Any]:
    """Of the class `package.module:Class` those attributes that it has, its own or inherited.
    Raises Unread.
    """
    module, _, name = target.partition(":")
    try:
        source = _source(module)
        return {each: found[0] for each in names if (found := source.attribute(name, each))}
    except Unread:
        raise
    except Exception as error:  # whatever the statements raise, the import will say better
        raise Unread(f"{type(error).__name__}: {error}") from error


@functools.cache
def _source(name: str) -> _Source:
    return _Source(name)


class _Source:
    """A module's file, of which names are made one by one."""

    def __init__(self, name: str) -> None:
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.origin or not spec.origin.endswith(".py"):
            raise Unread(f"{name} has no source")
        self.package = str(spec.name if spec.submodule_search_locations else spec.parent)
        tree = ast.parse(Path(spec.origin).read_bytes(), spec.origin)
        self.bindings: dict[str, ast.stmt] = {}
        self.changed: set[str] = set()
        """Names that a statement may change which is no definition."""
        self.future = [s for s in tree.body if _is_future(s)]
        for statement in tree.body:
            self._sort(statement)
        self.origin = spec.origin
        self.names = _Names(self, f"{name} (read)")
        # Where pydantic looks up what annotations name.
        self.module = sys.modules[f"{name} (read)"] = ModuleType(f"{name} (read)")

    def _sort(self, statement: ast.stmt) -> None:
        bound = _bound(statement)
        if bound is None:
            self.changed |= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
            return
        for name in bound:
            if name in self.bindings:
                self.changed.add(name)
            self.bindings[name] = statement

    def __getattr__(self, name: str) -> Any:
        """As an attribute of the module."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)

    def get(self, name: str) -> Any:
        """What a name of the module is bound to."""
        if name not in self.names:
            if name in self.changed or name not in self.bindings:
                raise Unread(f"{self.module.__name__}: {name}")
            statement = self.bindings[name]
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self.names[name] = self._imported(statement, name)
            else:
                self.execute(statement)
            vars(self.module)[name] = self.names[name]
        return self.names[name]

    def execute(self, statement: ast.stmt) -> None:
        for name in _names_at_once(statement) & self.bindings.keys():
            if self.bindings[name] is not statement:
                self.get(name)
        body = ast.Module([*self.future, statement], [])
        exec(compile(body, self.origin, "exec"), self.names)

    def _imported(self, statement: ast.Import | ast.ImportFrom, name: str) -> Any:
        module, attribute = self._origin(statement, name)
        if not attribute:
            if not _may_import(module):
                raise Unread(f"{self.module.__name__} needs {module}")
            return import_module(module)
        if _may_import(module) and hasattr(found := import_module(module), attribute):
            return getattr(found, attribute)
        if _root(module) not in (_root(self.package), "rockfall"):
            raise Unread(f"{self.module.__name__} needs {module}")
        source = _source(module)
        if source is self or (attribute not in source.bindings and source.package == module):
            return _source(f"{module}.{attribute}")
        return source.get(attribute)

    def _origin(self, statement: ast.Import | ast.ImportFrom, name: str) -> tuple[str, str]:
        """The module and the attribute, if it is one, that an import binds to a name."""
        alias = next(a for a in statement.names if (a.asname or a.name.split(".")[0]) == name)
        if isinstance(statement, ast.Import):
            if "." in alias.name and not alias.asname:
                raise Unread(f"import {alias.name}")
            return alias.name, ""
        relative = "." * statement.level + (statement.module or "")
        return importlib.util.resolve_name(relative, self.package), alias.name

    def attribute(self, name: str, wanted: str) -> tuple[Any, ...]:
        """An attribute of a class, in a tuple, which is empty if the class has none such."""
        statement = self.bindings.get(name)
        if name in self.changed:
            raise Unread(name)
        if isinstance(statement, ast.ImportFrom):
            module, attribute = self._origin(statement, name)
            return () if _root(module) in BARE else _source(module).attribute(attribute, wanted)
        if not isinstance(statement, ast.ClassDef) or statement.decorator_list:
            raise Unread(name)
        for inner in reversed(statement.body):
            bound = _bound(inner)
            if bound is None or "__init_subclass__" in bound:
                raise Unread(name)
            if wanted in bound:
                return (self._evaluated(statement, inner, wanted),)
        found = [got for base in statement.bases if (got := self._of_base(base, wanted))]
        if len(found) > 1 or statement.keywords:
            raise Unread(name)
        return found[0] if found else ()

    def _of_base(self, base: ast.expr, wanted: str) -> tuple[Any, ...]:
        match base:
            case ast.Subscript(value=inner):
                return self._of_base(inner, wanted)
            case ast.Name(id=name):
                return self.attribute(name, wanted)
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id=name))):  # torch.nn.Module
                statement = self.bindings[name]
                if isinstance(statement, ast.Import) and self._origin(statement, name)[0] in BARE:
                    return ()
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                statement = self.bindings[name]
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    module, part = self._origin(statement, name)
                    if _root(module) in BARE:
                        return ()
                    return _source(f"{module}.{part}".rstrip(".")).attribute(attribute, wanted)
        raise Unread(ast.unparse(base))

    def _evaluated(self, owner: ast.ClassDef, statement: ast.stmt, wanted: str) -> Any:
        """What a statement in a class's body binds; it may use names of the module alone."""
        others = {name for each in owner.body for name in _bound(each) or ()} - {wanted}
        if others & {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}:
            raise Unread(f"{owner.name}.{wanted}")
        shell = ast.ClassDef(owner.name, [], [], [statement], [])
        self.execute(ast.fix_missing_locations(ast.copy_location(shell, owner)))
        return vars(self.names.pop(owner.name))[wanted]


class _Names(dict[str, Any]):
    """The globals of what is executed: what the body of a function names is made when it is called,
    if it ever is.
    """

    def __init__(self, source: _Source, name: str) -> None:
        super().__init__(__name__=name)
        self._source = source

    def __missing__(self, name: str) -> Any:
        if name not in self._source.bindings:
            raise KeyError(name)  # one of Python's own
        return self._source.get(name)


def _names_at_once(node: ast.AST) -> set[str]:
    """The names that a statement looks up as it is executed, hence but for bodies of functions."""
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Load) else set()
    later = node.body if isinstance(node, ast.FunctionDef | ast.Lambda) else []
    skipped = later if isinstance(later, list) else [later]
    children = (child for child in ast.iter_child_nodes(node) if child not in skipped)
    return {name for child in children for name in _names_at_once(child)}


def _bound(statement: ast.stmt) -> list[str] | None:
    """The names that a definition binds; None for what is no definition."""
    match statement:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [alias.asname or alias.name.split(".")[0] for alias in names]
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return []
    return None


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _root(module: str) -> str:
    return module.partition(".")[0]


def _may_import(module: str) -> bool:
    """Names of `rockfall` itself are lazy; its other modules are read, like a plugin's."""
    root = _root(module)
    return (
        module in sys.modules or module in LIGHT or root in (*sys.stdlib_module_names, *LIGHT[:4])
    )
