"""Runs as verbs open them: by name, and able to do what the verb is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rockfall.capabilities import require_capability
from rockfall.run.directory import find_run

if TYPE_CHECKING:
    from rockfall.run.run import Run


def open_capable(name: str, capability: str) -> Run:
    """A run with its model. Raises UsageError, before it is loaded, if the model can't do it."""
    directory = find_run(name)
    require_capability(directory.record().model, capability)

    from rockfall.training import open_run

    return open_run(directory.path)
