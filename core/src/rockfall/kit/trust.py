"""Which modules the name of a source may import: those that the user named, not those of a file.

Gymnasium takes `module:Name-v0`, and imports the module, which may run any code. Typed on the
command line, or given in Python, that is what was asked for. In a file, which may be anybody's,
it counts only if the module is imported already, is named in `ROCKFALL_IMPORTS`, or would be
imported of a path of which it was when it was typed: so a run goes on and plays without its
source's being typed again.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextvars import ContextVar
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from rockfall.errors import RockfallError, UsageError
from rockfall.kit.files import read_json, state_folder, write_json

ALLOWED = "ROCKFALL_IMPORTS"
MOST_KEPT = 500
"""Paths of modules that were typed, the latest; a list that grows for ever slows every command."""
_typed: ContextVar[Collection[str] | None] = ContextVar("typed", default=None)


@contextlib.contextmanager
def only_typed(words: Iterable[str] = ()) -> Iterator[None]:
    """Inside, of all names only those count as typed that are among the words of a command line."""
    before = _typed.set({part for word in words for part in (word, word.partition("=")[2])})
    try:
        yield
    finally:
        _typed.reset(before)


def module_of(text: str) -> str:
    """The module of `module:Name-v0`; empty for what names none, such as a path with a colon."""
    module = text.rpartition(":")[0]
    return module if all(part.isidentifier() for part in module.split(".")) else ""


def require_typed(text: str, whole: str = "") -> None:
    """Raise UsageError if a name, or an option, names a module, and comes from a file.

    whole: what was typed, if the name is a part of it.
    """
    module, typed = module_of(text), _typed.get()
    if not module or module in sys.modules or typed is None:
        return
    if (whole or text) in typed:
        _keep(_path_of(module))
    elif (
        module not in os.environ.get(ALLOWED, "").replace(" ", "").split(",")
        and _path_of(module) not in _kept()
    ):
        raise UsageError(
            f"{text} comes from a file, and would import the module {module}, which may run any "
            f"code: if you trust both, {ALLOWED}={module} allows it"
        )


def texts_in(value: Any) -> Iterator[str]:
    """Every text in the value of an option."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in (*value, *value.values()):
            yield from texts_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_in(each)


def _path_of(module: str) -> str:
    """The file that its top package would be imported of; empty for one that there is not."""
    found = PathFinder.find_spec(module.partition(".")[0], [*sys.path, os.getcwd()])
    return os.path.realpath(found.origin) if found and found.origin else ""


def _kept() -> list[str]:
    with contextlib.suppress(RockfallError):
        paths = read_json(_file())
        if isinstance(paths, list):
            return [path for path in paths if path and isinstance(path, str)]
    return []


def _keep(path: str) -> None:
    """Best effort: what can't be kept is asked for again."""
    with contextlib.suppress(RockfallError, OSError):
        if path and path not in (kept := _kept()):
            _file().parent.mkdir(parents=True, exist_ok=True)
            write_json(_file(), [*kept, path][-MOST_KEPT:])


def _file() -> Path:
    return state_folder() / "typed.json"
