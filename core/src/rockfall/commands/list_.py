"""`rockfall list`: what is installed. Reads specs only."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from rockfall.catalogue import Catalogue
from rockfall.kinds import all_kinds, learners, sources_of
from rockfall.kit.console import hang, print_json, say
from rockfall.registry import registry
from rockfall.verbs.options import as_json

SECTIONS = ("models", "datasets", "pictures", "environments")
"""What is listed by default."""


@click.command("list")
@click.argument("section", type=click.Choice((*SECTIONS, "capabilities", "kinds")), required=False)
@as_json
def command(section: str | None, as_json: bool) -> None:
    """List models, datasets, pictures and environments; or capabilities, or kinds of source.

    `rockfall list environments` has the ids of every package, too, that registers some.
    """
    if section == "kinds":
        _kinds(as_json)
        return
    ids = _gymnasium_ids() if section == "environments" else {}
    listed = {each: getattr(registry(), each) for each in ((section,) if section else SECTIONS)}
    if as_json:
        found = {title: _data(catalogue) for title, catalogue in listed.items()}
        print_json({**found, **({"gymnasium": ids} if ids else {})})
        return
    for title, catalogue in listed.items():
        say(title)
        width = max(map(len, catalogue.names()), default=0)
        for entry in catalogue:
            name = catalogue.shown_name(entry)
            hang(f"  {name:{width}}  ", f"{entry.spec.summary} ({entry.owner})")
        say("" if catalogue else "  none\n")
    for package, names in ids.items():
        say(f"ids of {package}, by which Gymnasium makes them")
        hang("  ", ", ".join(names))
        say("")
    if registry().models:
        say("`rockfall info NAME` tells more, `rockfall train MODEL [SOURCE]` starts one.")
    else:
        say("No model is installed: `rockfall install NAME` adds a plugin.")


def _gymnasium_ids() -> dict[str, list[str]]:
    """Of every package that is installed, but for those of registered environments."""
    from rockfall.kit.environments.packages import installed_ids

    named = {entry.spec.gymnasium_id for entry in registry().environments}
    found = {
        package: [n for n in ids if n not in named] for package, ids in installed_ids().items()
    }
    return {package: names for package, names in found.items() if names}


def _data(catalogue: Catalogue[Any]) -> list[dict[str, Any]]:
    return [
        {**asdict(entry.spec), "name": catalogue.shown_name(entry), "distribution": entry.owner}
        for entry in catalogue
    ]


def _kinds(as_json: bool) -> None:
    kinds = [
        {
            "name": kind,
            "summary": summary,
            "sources": sources_of([kind]),
            "models": learners([kind]),
        }
        for kind, summary in all_kinds().items()
    ]
    if as_json:
        print_json({"kinds": kinds})
        return
    for kind in kinds:
        say(f"{kind['name']}: {kind['summary'] or 'of a plugin'}")
        for key in ("sources", "models"):
            hang(f"  {key:8} ", ", ".join(kind[key]) or "none that is installed")
    say("", "A model learns from a source that has one of its `learns_from` among its kinds.")
