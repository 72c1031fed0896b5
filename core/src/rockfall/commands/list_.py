"""`rockfall list`: what is installed. Reads specs only."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from rockfall.commands.options import as_json
from rockfall.display.tables import print_json, print_table, say
from rockfall.registry import registry

KINDS = ("models", "datasets", "environments")


@click.command("list")
@click.argument("kind", type=click.Choice(KINDS), required=False)
@as_json
def command(kind: str | None, as_json: bool) -> None:
    """List models, datasets and environments."""
    kinds = (kind,) if kind else KINDS
    if as_json:
        print_json({kind: [_data(kind, entry) for entry in _catalogue(kind)] for kind in kinds})
        return
    for number, shown in enumerate(kinds):
        catalogue = _catalogue(shown)
        rows = [(catalogue.shown_name(e), e.spec.summary, e.owner) for e in catalogue]
        if number:
            say("")
        print_table((shown[:-1], "", "from"), rows)
    say("", "`rockfall info NAME` tells more, `rockfall train MODEL [SOURCE]` starts one.")


def _catalogue(kind: str) -> Any:
    return getattr(registry(), kind)


def _data(kind: str, entry: Any) -> dict[str, Any]:
    return {
        **asdict(entry.spec),
        "name": _catalogue(kind).shown_name(entry),
        "distribution": entry.owner,
    }
