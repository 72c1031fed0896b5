"""`rockfall list`: what is installed. Reads specs only."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from rockfall.catalogue import Catalogue
from rockfall.kit.console import hang, print_json, say
from rockfall.registry import registry
from rockfall.verbs.options import as_json

KINDS = ("models", "datasets", "pictures", "environments")


@click.command("list")
@click.argument("kind", type=click.Choice(KINDS), required=False)
@as_json
def command(kind: str | None, as_json: bool) -> None:
    """List models, datasets, pictures and environments."""
    shown = {kind: getattr(registry(), kind) for kind in ((kind,) if kind else KINDS)}
    if as_json:
        print_json({kind: _data(catalogue) for kind, catalogue in shown.items()})
        return
    for title, catalogue in shown.items():
        say(title)
        width = max(map(len, catalogue.names()), default=0)
        for entry in catalogue:
            name = catalogue.shown_name(entry)
            hang(f"  {name:{width}}  ", f"{entry.spec.summary} ({entry.owner})")
        say("" if catalogue else "  none\n")
    if registry().models:
        say("`rockfall info NAME` tells more, `rockfall train MODEL [SOURCE]` starts one.")
    else:
        say("No model is installed: `rockfall install NAME` adds a plugin.")


def _data(catalogue: Catalogue[Any]) -> list[dict[str, Any]]:
    return [
        {**asdict(entry.spec), "name": catalogue.shown_name(entry), "distribution": entry.owner}
        for entry in catalogue
    ]
