"""Opening what the user typed: the openers are tried one after the other, in their order."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rockfall.errors import PluginError, RockfallError, UnknownName, did_you_mean
from rockfall.kit.blame import code_of, in_words
from rockfall.kit.randomness import fork_rng
from rockfall.kit.trust import module_of, require_typed, texts_in
from rockfall.registry import CORE, registry
from rockfall.sources.source import Source
from rockfall.specs import load_target


def open_source(text: str | Path, options: Mapping[str, Any] | None = None) -> Source:
    """The source that `text` names, of the first opener, in their stated order, that knows it.

    Options given as text are read as JSON where they are JSON (`7`, `true`), else kept as text.
    The global generators are seeded with 0 meanwhile, so that a source that draws from them is
    always the same, and left as they were, whatever an import draws.
    Raises UnknownName with a suggestion if no opener knows it, UsageError if it would import a
    module that a file names: see `rockfall.kit.trust`.
    """
    read = {name: _value(value) for name, value in (options or {}).items()}
    for each in texts_in(read):
        if registry().source(each) is None:  # else it is a full name
            require_typed(each)
    with fork_rng(seed=0):
        return _open(str(text), read)


def _open(text: str, read: Mapping[str, Any]) -> Source:
    broken = []
    for entry in sorted(registry().openers, key=lambda entry: entry.spec.order):
        try:
            opener = entry.spec.load()
            with code_of(entry.spec.whose if entry.owner != CORE else f"source {text}"):
                source: Source | None = opener(text, read)
        except Exception as error:
            mine = isinstance(error, RockfallError) and not isinstance(error, PluginError)
            if mine or entry.owner == CORE:
                raise  # the source's own
            broken.append(f"{entry.full_name} ({in_words(error)})")
            continue
        if source is not None:
            return source
    if module := module_of(text):
        raise UnknownName(
            f"no source {text}: there is no module {module} in this folder, and none is installed"
        )
    if text.startswith((".", "~", os.sep)) and not os.path.exists(os.path.expanduser(text)):
        raise UnknownName(f"no source {text}: there is no such file or folder")
    import gymnasium

    named = [name for catalogue in registry().sources for name in catalogue.names()]
    known = [*named, *gymnasium.registry]
    hint = did_you_mean(text, known) or "; `rockfall list` shows the names"
    failed = f"; openers that failed: {', '.join(broken)}" if broken else ""
    raise UnknownName(
        f"no source {text}: not a registered name, a Gymnasium id, or a path that can be read"
        f"{hint}{failed}"
    )


def preset_that_suits(text: str) -> str:
    """The name of the preset for a source that has no name, by whoever opens it; empty for none."""
    for _, spec in registry().openers:
        if spec.suits:
            with contextlib.suppress(Exception):  # what is wrong with it, its opener says
                if found := load_target(spec.suits)(text):
                    return str(found)
    return ""


def _value(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value.lower() if value in ("True", "False", "None") else value)
    except ValueError:
        return value
