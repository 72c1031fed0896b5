"""`rockfall new-plugin NAME`: a small plugin that works and is tested, to start from."""

from __future__ import annotations

from pathlib import Path

import click

from rockfall.kit.console import print_json, say
from rockfall.scaffold import KINDS, write_plugin
from rockfall.verbs.options import as_json


@click.command("new-plugin")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    default="classifier",
    show_default=True,
    help="what it begins with",
)
@click.option(
    "--into",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="the folder to write it into  [default: here]",
)
@as_json
def command(name: str, kind: str, into: Path, as_json: bool) -> None:
    """Write the plugin rockfall-NAME: small, but it works, and its tests pass.

    It begins with a model (a classifier, generator, painter or agent), a dataset, an environment or
    a command.
    """
    folder = write_plugin(name, into, kind)
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    if as_json:
        print_json({"folder": str(folder), "kind": kind, "files": files})
        return
    say(f"wrote {folder}", *(f"  {file}" for file in files), "")
    where = folder if folder.is_absolute() else f"./{folder}"
    first = KINDS[kind].format(name)
    say(f"next: pip install -e {where}  ·  {first}  ·  pytest {where}")
