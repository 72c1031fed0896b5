"""Gymnasium's wrappers by name: `AtariPreprocessing,FrameStackObservation(4)`.

A name is one of `gymnasium.wrappers`, or `module:Name` of another package. Arguments are Python
literals, which are parsed and never evaluated.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import gymnasium

from rockfall.errors import RockfallError, UsageError, did_you_mean
from rockfall.kit.blame import in_words
from rockfall.kit.environments.packages import import_beside
from rockfall.kit.trust import require_typed

ITEM = re.compile(r"\s*(?:([A-Za-z_][\w.]*):)?([A-Za-z_]\w*\s*(?:\(.*\))?)\s*", re.DOTALL)
HOME = "gymnasium.wrappers"
_OWN_STATISTICS = (
    "has statistics that no checkpoint would hold: see the agent's settings for normalisation"
)
REFUSED = {
    "NormalizeObservation": _OWN_STATISTICS,
    "NormalizeReward": _OWN_STATISTICS,
    "Autoreset": "is not needed: each episode is followed by the next",
    "HumanRendering": "is not needed: `rockfall play` shows episodes",
    "RecordVideo": "is not needed: `rockfall play RUN --gif FILE` makes a film",
    "RenderCollection": "is not needed: `rockfall play RUN --gif FILE` makes a film",
}
"""Of Gymnasium's, and why."""


@dataclass(frozen=True)
class Wrapping:
    """A wrapper by its name, and its arguments after the environment."""

    text: str
    module: str
    name: str
    positional: tuple[Any, ...]
    named: dict[str, Any]

    def load(self) -> Callable[..., gymnasium.Env[Any, Any]]:
        """Its class. Raises UsageError if there is none."""
        if self.module == HOME and self.name in REFUSED:
            raise UsageError(f"wrapper {self.name} {REFUSED[self.name]}")
        try:
            import_beside(self.module)
            home = sys.modules[self.module]
            kind = getattr(home, self.name, None)
        except (ImportError, gymnasium.error.DependencyNotInstalled) as error:
            raise UsageError(f"wrapper {self.text}: {error}") from None
        if not (isinstance(kind, type) and issubclass(kind, gymnasium.Wrapper)):
            known = [each for each in dir(home) if _is_wrapper(getattr(home, each, None))]
            listed = f": {', '.join(known)}" if known else ""
            hint = did_you_mean(self.name, known) or listed
            raise UsageError(f"{self.module} has no wrapper {self.name}{hint}")
        return kind

    def __call__(self, env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
        """The environment in this wrapper. Raises UsageError if it does not take it, saying why."""
        kind = self.load()
        try:
            return kind(env, *self.positional, **self.named)
        except RockfallError:
            raise
        except gymnasium.error.DependencyNotInstalled as error:
            raise UsageError(f"wrapper {self.text}: {error}") from None
        except Exception as error:  # a wrapper may raise anything
            raise UsageError(f"wrapper {self.text} does not fit: {in_words(error)}") from error


def read_wrappers(given: Any) -> tuple[Wrapping, ...]:
    """The wrappers of a text, or of a list with one each, the innermost first. Raises UsageError
    for anything else.
    """
    listed = isinstance(given, list | tuple)
    return tuple(map(_read, given if listed else _items("" if given is None else str(given))))


def allowed_wrappers(given: Any) -> tuple[Wrapping, ...]:
    """As `read_wrappers`; raises UsageError for one of a module that a file names: see
    `rockfall.kit.trust`.
    """
    wrappings = read_wrappers(given)
    for each in wrappings:
        if each.module != HOME:
            typed = given if isinstance(given, str) else ""
            require_typed(f"{each.module}:{each.name}", typed)
    return wrappings


def wrapped(env: gymnasium.Env[Any, Any], wrappings: Iterable[Wrapping]) -> gymnasium.Env[Any, Any]:
    """The environment in all of them. Closes it, and raises UsageError, if one does not fit."""
    inner = env
    try:
        for wrapping in wrappings:
            env = wrapping(env)
    except BaseException:
        inner.close()
        raise
    return env


def _items(text: str) -> list[str]:
    """Split at the commas that are outside of brackets and quotes: what lies between parses."""
    items: list[str] = []
    begun = ""
    for piece in text.split(","):
        begun = f"{begun},{piece}" if begun else piece
        if _parsed(begun) is not None:
            items.append(begun.strip())
            begun = ""
    if begun.strip():
        _read(begun)  # says what is wrong with it
    return items


def _parsed(text: str) -> tuple[str, ast.expr] | None:
    found = ITEM.fullmatch(text)
    if found is None:
        return None
    try:
        return found[1] or HOME, ast.parse(found[2].strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _read(text: str) -> Wrapping:
    text = str(text).strip()
    parsed = _parsed(text)
    refusal = (
        f"{text[:80]!r} is no wrapper: write Name, Name(4) or module:Name(key='value'), "
        "with numbers, texts, tuples, lists or dicts as arguments"
    )
    if parsed is None:
        raise UsageError(refusal)
    module, node = parsed
    try:
        match node:
            case ast.Name(id=name):
                return Wrapping(text, module, name, (), {})
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
                named = {str(each.arg): ast.literal_eval(each.value) for each in keywords}
                if all(each.arg for each in keywords):
                    positional = tuple(ast.literal_eval(each) for each in args)
                    return Wrapping(text, module, name, positional, named)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass  # an argument that is no literal
    raise UsageError(refusal)


def _is_wrapper(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, gymnasium.Wrapper)
