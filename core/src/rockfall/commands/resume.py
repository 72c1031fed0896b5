"""`rockfall resume RUN`: go on as if it had never stopped."""

from __future__ import annotations

import sys

import click

from rockfall.errors import UsageError
from rockfall.kit.launching import is_rank, launch
from rockfall.progress import default_listener
from rockfall.progress.jsonlines import print_event
from rockfall.run.directory import find_run
from rockfall.verbs.completion import complete
from rockfall.verbs.options import as_json, every, key_values, on_devices


@click.command("resume")
@click.argument("run", shell_complete=complete("runs"))
@click.argument("words", nargs=-1, metavar="[key=value]")
@click.option("--device", default="", help="another one to go on on; then not bit for bit")
@every
@on_devices
@as_json
def command(
    run: str,
    words: tuple[str, ...],
    device: str,
    checkpoint_every: float,
    devices: int | None,
    as_json: bool,
) -> None:
    """Go on with RUN (a name, a unique prefix, a path, or `last`) from its last checkpoint.

    With more of what makes it longer, such as steps=2_000_000, a finished one goes on, too.

    One that was begun on several devices goes on on as many, unless `--devices` says otherwise.
    What the verb that began it was to write then, such as `paint --out`, is written.
    """
    from rockfall.training import resume
    from rockfall.verbs.promises import keep_promise

    settings, options = key_values(words)
    if options:
        raise UsageError("a run goes on with the source that it has: begin a new run")
    if not is_rank():
        directory = find_run(run)
        result = None if words else directory.result()
        finished = result is not None and not result.get("stopped")
        devices = devices or (1 if finished else directory.record().devices)
        if devices > 1:
            raise SystemExit(launch(devices, sys.argv[1:]))
    listeners = [print_event if as_json else default_listener()]
    trained = resume(
        run,
        device=device,
        checkpoint_every=checkpoint_every,
        devices=devices,
        listeners=listeners,
        **settings,
    )
    if trained.recorded:
        keep_promise(trained.directory, as_json=as_json)
