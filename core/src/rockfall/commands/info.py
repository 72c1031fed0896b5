"""`rockfall info NAME`: a model's settings and presets, or a source's shape."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import Any

import click

from rockfall.catalogue import Entry
from rockfall.errors import Unavailable, UnknownName, UsageError, did_you_mean
from rockfall.kit.console import print_json, print_table, say
from rockfall.registry import registry
from rockfall.specs import ModelSpec
from rockfall.verbs.completion import complete
from rockfall.verbs.options import as_json, source_options


@click.command("info")
@click.argument("name", shell_complete=complete("models", "datasets", "pictures", "environments"))
@click.argument("options", nargs=-1, metavar="[source.key=value …]")
@as_json
def command(name: str, options: tuple[str, ...], as_json: bool) -> None:
    """Tell what NAME is: a model, a dataset, a picture, an environment, a Gymnasium id or a path.

    source.key=value sets an option of a source, which is told of as it is then.
    """
    entry = registry().models.get(name)
    if entry and options:
        raise UsageError(f"{name} is a model, and {options[0]} is for a source")
    data = _model(entry) if entry else _source(name, source_options(options))
    if as_json:
        print_json(data)
    elif entry:
        _print_model(data)
    else:
        _print_source(data, options)


def _model(entry: Entry[ModelSpec]) -> dict[str, Any]:
    from rockfall.config import settings, to_text

    kind = entry.spec.load()
    presets = getattr(kind, "presets", {})
    return {
        **asdict(entry.spec),
        "distribution": entry.owner,
        "settings": [setting._asdict() for setting in settings(kind.Config)],
        "presets": {p: {k: to_text(v) for k, v in values.items()} for p, values in presets.items()},
    }


def _print_model(data: dict[str, Any]) -> None:
    say(
        f"{data['name']}: {data['summary']}  (from {data['distribution']})",
        f"learns from {' or '.join(data['learns_from'])}; by default {data['default_source']}",
        f"trained, it {', '.join(data['capabilities']) or 'does nothing more'}",
    )
    if data["reference"]:
        say(f"after {data['reference']}")
    say("")
    _print_settings("setting", data["settings"])
    if data["presets"]:
        say("")
        rows = [
            (name, " ".join(f"{k}={v}" for k, v in values.items()) or "the defaults")
            for name, values in data["presets"].items()
        ]
        print_table(("preset", "settings"), rows)
        say("", "A preset named like the source is used without being asked for.")
    say("", f"rockfall train {data['name']} {data['default_source']} key=value …")


def _print_settings(what: str, settings: list[dict[str, Any]]) -> None:
    print_table(
        (what, "default", "type", "why"),
        [
            (s["name"], s["default"], f"{s['type']} {s['bounds']}".strip(), s["why"])
            for s in settings
        ],
    )


def _source(name: str, given: dict[str, str]) -> dict[str, Any]:
    """What is known of a source without downloading anything."""
    from rockfall.kit.downloads import only_what_is_here
    from rockfall.sources.dataset import Dataset
    from rockfall.sources.opening import open_source
    from rockfall.sources.options import options_of
    from rockfall.sources.picture import Picture

    dataset = registry().datasets.get(name)
    try:
        with only_what_is_here():
            source = open_source(name, given)
    except UnknownName as error:
        if hint := did_you_mean(name, registry().models.names()):
            raise UnknownName(f"nothing is named {name}{hint}") from None
        raise error
    except Unavailable:
        if dataset is None:
            raise
        told, options = {}, options_of(dataset.spec)
    else:
        told = source.info.to_json()
        options = source.options if isinstance(source, Dataset | Picture) else ()
    entries = (catalogue.get(name) for catalogue in registry().sources)
    found = next((entry for entry in entries if entry), None)
    data = {**(asdict(found.spec) if found else {}), **told}
    models = registry().models
    learners = [
        models.shown_name(e) for e in models if set(data["kinds"]) & set(e.spec.learns_from)
    ]
    return {
        **data,
        "at_hand": bool(told),
        "models": learners,
        "options": [option._asdict() for option in options],
    }


def _print_source(data: dict[str, Any], asked: tuple[str, ...]) -> None:
    rows = [
        (key, _shown(value))
        for key, value in data.items()
        if key not in ("options", "at_hand") and value not in (None, "", {}, ())
    ]
    print_table(("", ""), rows)
    if data["options"]:
        say("")
        _print_settings("option", [{**o, "name": f"source.{o['name']}"} for o in data["options"]])
    name = data["name"]
    if not data["at_hand"]:
        say("", f"Not on this machine yet: `rockfall show {name}` or a training downloads it.")
    if data["models"]:
        say("", f"rockfall train {data['models'][0]} {shlex.join((name, *asked))}")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{key} {_shown(item)}" for key, item in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(map(_shown, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
