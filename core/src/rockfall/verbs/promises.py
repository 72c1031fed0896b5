"""What a verb that trains is to write afterwards, and `rockfall resume` writes in its stead."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from rockfall.errors import RockfallError
from rockfall.kit import promises
from rockfall.kit.console import say
from rockfall.kit.files import unfinished_of
from rockfall.registry import registry
from rockfall.run.directory import RunDirectory


@dataclass
class Promise:
    """`verb RUN option …`, which writes a finished run's files. Called, it is noted."""

    verb: str
    options: list[str]
    directory: RunDirectory | None = None

    def __call__(self, directory: RunDirectory, record: bytes) -> None:
        self.directory = directory
        try:
            promises.note(directory.path, record, self.verb, self.options)
        except RockfallError as error:
            again = f"rockfall {self.verb} {directory.address}"
            say(f"warning: {error}; should this be stopped, `{again}` writes the files", err=True)


@contextlib.contextmanager
def promising(verb: str, **options: Any) -> Iterator[Promise]:
    """While open, `rockfall.train(…, promised=…)` owes `rockfall VERB RUN --option value …`.

    Whoever leaves it without an error has kept the promise. After a kill, a power cut or Ctrl-C,
    `rockfall resume` runs that verb once the run is trained. Options that are None are left out.
    """
    words = []
    for name, value in options.items():
        if value is not None:
            text = os.path.abspath(value) if isinstance(value, Path) else str(value)
            words += [f"--{name.replace('_', '-')}", text]
    promise = Promise(verb, words)
    kept = False
    try:
        yield promise
        kept = True
    finally:
        if (run := promise.directory) and (kept or not run.path.exists()):  # or it was refused
            promises.forget(run.path)


def keep_promise(directory: RunDirectory, *, as_json: bool = False) -> None:
    """Run the verb that a finished run owes, if it owes one. Raises RockfallError if that fails;
    then it is still owed.

    as_json: what it says is one line, as an event of the run.
    """
    owed = promises.owed(directory.path, directory.record_file.read_bytes())
    if owed is None:
        return
    verb, options = owed
    for option in filter(os.path.isabs, options):
        for half in unfinished_of(Path(option)):
            half.unlink(missing_ok=True)
    command: click.Command = registry().commands.find(verb).spec.load()
    words, program = [str(directory.path.resolve()), *options], f"rockfall {verb}"
    if as_json:
        with contextlib.redirect_stdout(io.StringIO()) as said:
            command.main([*words, "--json"], program, standalone_mode=False)
        say(json.dumps({"event": verb, **json.loads(said.getvalue())}))
    else:
        command.main(words, program, standalone_mode=False)
    promises.forget(directory.path)
