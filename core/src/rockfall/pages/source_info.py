"""A source as `rockfall info` describes it, without downloading anything."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rockfall.errors import Unavailable, UnknownName, did_you_mean
from rockfall.kinds import begin_with, learners
from rockfall.kit.console import print_table, say
from rockfall.kit.downloads import only_what_is_here
from rockfall.pages.model_info import print_settings
from rockfall.registry import registry
from rockfall.sources.dataset import Dataset
from rockfall.sources.opening import open_source
from rockfall.sources.options import options_of
from rockfall.sources.picture import Picture


def source_info(name: str, given: Mapping[str, str]) -> dict[str, Any]:
    """What its spec says, and if it is on this machine, what it is with these options."""
    entry = registry().source(name)
    try:
        with only_what_is_here():
            source = open_source(name, given)
    except UnknownName as error:
        if hint := did_you_mean(name, registry().models.names()):
            raise UnknownName(f"nothing is named {name}{hint}") from None
        raise error
    except Unavailable:
        if (dataset := registry().datasets.get(name)) is None:
            raise
        opened, options = {}, options_of(dataset.spec)
    else:
        opened = {k: v for k, v in source.info.to_json().items() if k != "digests"}
        options = source.options if isinstance(source, Dataset | Picture) else ()
        if "environment" in source.info.kinds:
            from rockfall.sources.environment_options import EnvironmentOptions

            options = tuple(EnvironmentOptions.described())
            opened |= {name: getattr(source, name, {}) for name in ("chosen", "published")}
    data = {**(asdict(entry.spec) if entry else {}), **opened}
    return {
        **data,
        "at_hand": bool(opened),
        "models": learners(data["kinds"]),
        "options": [option._asdict() for option in options],
    }


def print_source(words: Sequence[str], data: dict[str, Any]) -> None:
    """words: the `source.key=value` that it was opened with."""
    hidden = ("options", "at_hand")
    shown = {k: v for k, v in data.items() if k not in hidden and v not in (None, "", {}, (), [])}
    if "action_space" in shown:
        from rockfall.kit.environments.space_data import in_words

        spaces = ("observation_space", "action_space")
        shown.update({name: in_words(shown[name]) for name in spaces})
    rows = [(k, _text(v)) for k, v in shown.items()]
    print_table(("", ""), rows)
    if data["options"]:
        say("")
        print_settings("option", [{**o, "name": f"source.{o['name']}"} for o in data["options"]])
    name = data["name"]
    if not data["at_hand"]:
        say("", f"Not on this machine yet: `rockfall show {name}` or a training downloads it.")
    if data["models"]:
        first = begin_with(data["kinds"])[0]
        say("", f"rockfall train {first} {shlex.join((name, *words))}")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(map(_text, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
