"""`rockfall resume RUN`: go on as if it had never stopped."""

from __future__ import annotations

import click

from rockfall.commands import completion
from rockfall.commands.options import as_json, every
from rockfall.display import default_listener
from rockfall.display.jsonlines import print_event


@click.command("resume")
@click.argument("run", shell_complete=completion.runs)
@every
@as_json
def command(run: str, checkpoint_every: float, as_json: bool) -> None:
    """Go on with RUN (a name, a unique prefix, a path, or `last`) from its last checkpoint."""
    from rockfall.training import resume

    listener = print_event if as_json else default_listener()
    resume(run, checkpoint_every=checkpoint_every, listeners=[listener])
