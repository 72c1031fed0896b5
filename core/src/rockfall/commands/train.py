"""`rockfall train MODEL [SOURCE] [key=value …]`."""

from __future__ import annotations

from typing import Any

import click

from rockfall.progress import default_listener
from rockfall.progress.jsonlines import print_event
from rockfall.verbs.completion import complete
from rockfall.verbs.options import as_json, key_values, trains


@click.command("train")
@click.argument("model", shell_complete=complete("models"))
@click.argument(
    "words",
    shell_complete=complete("datasets", "pictures", "environments"),
    nargs=-1,
    metavar="[SOURCE] [key=value …] [source.key=value …]",
)
@trains
@click.option("--out", type=click.Path(file_okay=False), help="where runs go  [default: runs]")
@as_json
def command(
    model: str,
    words: tuple[str, ...],
    out: str | None,
    as_json: bool,
    how: dict[str, Any],
) -> None:
    """Train MODEL on SOURCE: a name, a Gymnasium id, or a path.

    key=value sets the model's settings (`rockfall info MODEL` lists them), source.key=value the
    source's options. Without a source, the model's own is used, which needs no download.
    """
    source = words[0] if words and "=" not in words[0] else None
    settings, options = key_values(words[1:] if source else words)

    from rockfall.training import train

    train(
        model,
        source,
        source_options=options,
        config=settings,
        out=out,
        listeners=[print_event if as_json else default_listener()],
        **how,
    )
