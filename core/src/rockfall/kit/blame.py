"""Whose code failed: what a plugin's code raises says whose it is."""

from __future__ import annotations

import contextlib
import os
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

from rockfall.errors import PluginError, RockfallError

NOTE = "in "
_owners: dict[str, str] = {}
"""The top-level modules of plugins, and of what they register → the distribution."""


@contextlib.contextmanager
def code_of(whose: str) -> Iterator[None]:
    """Inside, a plugin's code runs, such as `rockfall-moves's model dances`.

    Errors get a note that says so; RockfallError is for people already. One that would end the
    process without a word, SystemExit, becomes PluginError.
    """
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit, RockfallError):
        raise
    except SystemExit as error:
        raise PluginError(f"{whose} ended with {in_words(error)}") from error
    except BaseException as error:
        if not blamed(error):
            error.add_note(f"{NOTE}{whose}")
        raise


@contextlib.contextmanager
def loading(whose: str, target: str) -> Iterator[None]:
    """Inside, the target of a spec is imported. Raises PluginError if it can't be."""
    try:
        yield
    except (KeyboardInterrupt, RockfallError):
        raise
    except BaseException as error:
        if os.environ.get("ROCKFALL_STRICT", "0") not in ("", "0"):
            raise
        raise PluginError(f"{whose} can't be loaded from {target}: {in_words(error)}") from error


def in_words(error: BaseException) -> str:
    """One line: its kind and what it says."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text or 'no message'}"


def blamed(error: BaseException) -> str:
    """`in rockfall-moves's model dances`, if it is known; else nothing."""
    notes = [note for note in getattr(error, "__notes__", []) if note.startswith(NOTE)]
    return notes[0] if notes else ""


def explained(error: BaseException) -> str:
    """An error that is not for people, as one line: what it is, and whose code raised it where."""
    return f"{in_words(error)}{place(error)}"


def place(error: BaseException) -> str:
    """` (in rockfall-moves's model dances, moves.py line 12)`, if a plugin's code raised it: the
    innermost line that is a plugin's.
    """
    said = blamed(error)
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if owner := _owners.get(_top(str(frame.f_globals.get("__name__")))):
            said = said or f"{NOTE}{owner}"
            return f" ({said}, {Path(frame.f_code.co_filename).name} line {line})"
    return f" ({said})" if said else ""


def belongs(target: str, distribution: str) -> None:
    """Say whose a module is, by what is registered of it: `rockfall_moves.dances:Dances`."""
    if _top(target) != "rockfall":
        _owners.setdefault(_top(target), distribution)


def _top(module: str) -> str:
    return re.split(r"[.:]", module, maxsplit=1)[0]
