"""`rockfall resume RUN`: go on as if it had never stopped."""

from __future__ import annotations

import click

from rockfall.progress import default_listener
from rockfall.progress.jsonlines import print_event
from rockfall.verbs.completion import complete
from rockfall.verbs.options import as_json, every


@click.command("resume")
@click.argument("run", shell_complete=complete("runs"))
@click.option("--device", default="", help="another one to go on on; then not bit for bit")
@every
@as_json
def command(run: str, device: str, checkpoint_every: float, as_json: bool) -> None:
    """Go on with RUN (a name, a unique prefix, a path, or `last`) from its last checkpoint."""
    from rockfall.training import resume

    listeners = [print_event if as_json else default_listener()]
    resume(run, device=device, checkpoint_every=checkpoint_every, listeners=listeners)
