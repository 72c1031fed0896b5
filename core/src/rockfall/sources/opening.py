"""Opening what the user typed: every opener is asked in its order, and the kinds are compared."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rockfall.catalogue import Entry
from rockfall.errors import RockfallError, UnknownName, UsageError, did_you_mean
from rockfall.registry import CORE, registry
from rockfall.sources.source import Source
from rockfall.specs import ModelSpec


def open_source(text: str | Path, options: Mapping[str, Any] | None = None) -> Source:
    """Ask every opener, in its stated order, for the source that `text` names.

    Options given as text are read as JSON where they are JSON (`7`, `true`), else kept as text.
    Raises UnknownName with a suggestion if no opener knows it.
    """
    text = str(text)
    read = {name: _value(value) for name, value in (options or {}).items()}
    broken = []
    for entry in sorted(registry().openers, key=lambda entry: entry.spec.order):
        try:
            source: Source | None = entry.spec.load()(text, read)
        except Exception as error:
            if isinstance(error, RockfallError) or entry.owner == CORE:
                raise  # the source's own
            broken.append(f"{entry.full_name} ({type(error).__name__}: {error})")
            continue
        if source is not None:
            return source
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


def registered_source(text: str) -> Entry[Any] | None:
    """The dataset, picture or environment that is registered under a bare or full name."""
    found = (catalogue.get(text) for catalogue in registry().sources)
    return next((entry for entry in found if entry), None)


def require_kind(model: ModelSpec, source: str, kinds: Iterable[str]) -> None:
    """Raise UsageError unless the model can learn from a source of these kinds, naming others."""
    wanted, given = set(model.learns_from), tuple(kinds)
    if wanted & set(given):
        return
    usable = [
        catalogue.shown_name(entry)
        for catalogue in registry().sources
        for entry in catalogue
        if wanted & set(entry.spec.kinds)
    ]
    instead = f"; try {', '.join(usable[:4])}" if usable else ""
    raise UsageError(
        f"{model.name} learns from {' or '.join(sorted(wanted))}, "
        f"and {source} is {' and '.join(given)}{instead}"
    )


def _value(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value.lower() if value in ("True", "False", "None") else value)
    except ValueError:
        return value
