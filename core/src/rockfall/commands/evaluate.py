"""`rockfall evaluate RUN`: the final figures, measured anew."""

from __future__ import annotations

import click

from rockfall.errors import UsageError
from rockfall.kit.console import print_json, say
from rockfall.summary import measurement_lines
from rockfall.verbs.completion import complete
from rockfall.verbs.options import SEED, as_json, key_values


@click.command("evaluate")
@click.argument("run", shell_complete=complete("runs"))
@click.argument("words", nargs=-1, metavar="[source.key=value …]")
@click.option("--seed", type=SEED, default=0, show_default=True, help="of the trial")
@click.option("--limit", type=click.IntRange(1), help="at most so many episodes or examples")
@click.option("--checkpoint", type=click.Choice(["last", "best"]), default="last")
@as_json
def command(
    run: str, words: tuple[str, ...], seed: int, limit: int | None, checkpoint: str, as_json: bool
) -> None:
    """Measure RUN's final model again, beside its baselines; on its source, of which options may
    be other ones, such as source.evaluation_steps=50000.
    """
    settings, options = key_values(words)
    if settings:
        raise UsageError(f"{next(iter(settings))} is no option of a source: source.key=value")
    from rockfall.training import evaluate, open_run

    opened = open_run(run, checkpoint=checkpoint)
    figures = evaluate(opened, seed=seed, limit=limit, source_options=options)
    if as_json:
        print_json({"run": opened.name, "checkpoint": checkpoint, "figures": figures})
    else:
        say(*measurement_lines(figures), f"next: rockfall show {opened.directory.address}")
