"""`rockfall train MODEL [SOURCE] [key=value …]`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from rockfall.config import split_preset
from rockfall.errors import UsageError
from rockfall.kit.files import read_json
from rockfall.kit.launching import is_rank, launch
from rockfall.progress import default_listener
from rockfall.progress.jsonlines import print_event
from rockfall.verbs.completion import complete
from rockfall.verbs.options import as_json, key_values, on_devices, trains


@click.command("train")
@click.argument("model", shell_complete=complete("models"))
@click.argument(
    "words",
    shell_complete=complete("datasets", "pictures", "environments"),
    nargs=-1,
    metavar="[SOURCE] [key=value …] [source.key=value …]",
)
@trains
@click.option(
    "--settings",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="a JSON file of them, such as a sweep writes; key=value counts more",
)
@click.option("--out", type=click.Path(file_okay=False), help="where runs go  [default: runs]")
@on_devices
@as_json
def command(
    model: str,
    words: tuple[str, ...],
    settings: Path | None,
    out: str | None,
    devices: int | None,
    as_json: bool,
    how: dict[str, Any],
) -> None:
    """Train MODEL on SOURCE: a name, a Gymnasium id, or a path.

    key=value sets the model's settings (`rockfall info MODEL` lists them), source.key=value the
    source's options. Without a source, the model's own is used, which needs no download.
    """
    source = words[0] if words and "=" not in words[0] else None
    values, options = key_values(words[1:] if source else words)
    of_file = read_json(settings) if settings else {}
    if not isinstance(of_file, dict):
        raise UsageError(f"{settings} holds no settings by name")
    known, of_source = split_preset(of_file)

    if devices is not None and devices > 1 and not is_rank():
        raise SystemExit(launch(devices, sys.argv[1:]))
    from rockfall.training import train

    train(
        model,
        source,
        source_options={**of_source, **options},
        config={**known, **values},
        out=out,
        listeners=[print_event if as_json else default_listener()],
        devices=devices,
        **how,
    )
