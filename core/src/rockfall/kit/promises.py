"""What a run owes: a verb to be done with it once it is trained, noted where nobody else writes.

A run's folder may be anybody's, and must not say what is written where. So the note lies in the
user's own folder of state. It is that of a run for as long as the run lies where it was begun, with
the record that it was begun with.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

from rockfall.errors import RockfallError
from rockfall.kit.files import make_folder, read_json, state_folder, write_json, writing


def note(run: Path, record: bytes, verb: str, options: list[str]) -> None:
    """Note that the run in a folder, of which `record` is the `run.json`, owes `verb RUN option …`.

    What is noted of runs that are gone is forgotten. Raises RockfallError if it can't be written.
    """
    file = _file(run)
    with writing(file.parent):
        if not file.parent.is_dir():
            make_folder(file.parent)
        for other in file.parent.glob("*.json"):
            with contextlib.suppress(RockfallError):
                if not os.path.lexists(_read(other)["run"]):
                    other.unlink(missing_ok=True)
    place, digest = str(run.resolve()), hashlib.sha256(record).hexdigest()
    write_json(file, {"run": place, "record": digest, "verb": verb, "options": options})


def owed(run: Path, record: bytes) -> tuple[str, list[str]] | None:
    """The verb and its options. Raises RockfallError if the note is damaged."""
    if not (file := _file(run)).exists():
        return None
    noted = _read(file)
    if noted["record"] != hashlib.sha256(record).hexdigest():
        return None
    return noted["verb"], noted["options"]


def forget(run: Path) -> None:
    """A run that owes nothing any more."""
    with contextlib.suppress(OSError):
        _file(run).unlink(missing_ok=True)


def _file(run: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(run.resolve())).hexdigest()
    return state_folder() / "promises" / f"{digest[:32]}.json"


def _read(file: Path) -> dict[str, Any]:
    noted: Any = read_json(file)
    match noted:
        case {"run": str(), "record": str(), "verb": str(), "options": list(options)}:
            if all(isinstance(option, str) for option in options):
                return dict(noted)
    raise RockfallError(f"{file} is damaged: it says no verb that a run owes; remove it")
