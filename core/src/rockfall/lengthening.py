"""A run, finished or not, that goes on with more than was asked for: `rockfall resume RUN steps=…`.

Its record says from then on what is asked for now, and at which step that was changed. Whatever
falls or rises over a training, as a learning rate, is from there on as in the longer one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rockfall.building import build_config
from rockfall.errors import UsageError
from rockfall.kit import checkpoint
from rockfall.kit.files import writing
from rockfall.registry import registry
from rockfall.run.directory import RunDirectory


def lengthen(directory: RunDirectory, settings: Mapping[str, Any]) -> None:
    """Ask for more of a run, which is not finished then.

    Raises UsageError for a setting that is not its length, and for no more than it has.
    """
    record = directory.record()
    name = record.model_name
    kind = registry().models.find(record.model).spec.load()
    setting = getattr(kind, "lengthened_by", "")
    if not setting:
        raise UsageError(f"{name} has no setting that makes a training longer: begin a new run")
    if others := settings.keys() - {setting}:
        raise UsageError(
            f"a run goes on with other {setting} alone: for another {' and '.join(sorted(others))} "
            "begin a new run"
        )
    built = build_config(kind, name, "", None, {**record.config, **settings})
    config = built.model_dump(mode="json")
    before, after = record.config[setting], config[setting]
    if after <= before:
        raise UsageError(
            f"{directory.name} has {setting}={before} already: {setting}={after} is no more"
        )
    with directory.lock(wait=1.0):
        at = checkpoint.read(directory.checkpoint("last"))["step"] if _begun(directory) else 0
        with writing(directory.result_file):
            directory.result_file.unlink(missing_ok=True)
        # Killed here, it is finished anew as what it was.
        lengthened = [*record.lengthened, {"step": at, setting: before}]
        directory.write(replace(record, config=config, lengthened=lengthened))


def _begun(directory: RunDirectory) -> bool:
    return directory.has_checkpoint("last")
