"""`rockfall new-plugin NAME`: a small plugin that works and is tested, to start from."""

from __future__ import annotations

from pathlib import Path

import click

from rockfall.kit.console import print_json, say
from rockfall.scaffold import write_plugin
from rockfall.verbs.options import as_json


@click.command("new-plugin")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="the folder to write it into  [default: here]",
)
@as_json
def command(name: str, into: Path, as_json: bool) -> None:
    """Write the plugin rockfall-NAME, with a model that learns and tests that pass."""
    folder = write_plugin(name, into)
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    if as_json:
        print_json({"folder": str(folder), "files": files})
        return
    say(f"wrote {folder}", *(f"  {file}" for file in files), "")
    where = folder if folder.is_absolute() else f"./{folder}"
    say(f"next: pip install -e {where}  ·  rockfall train {name}  ·  pytest {where}")
