"""Runs as verbs open them: by name, and able to do what the verb is for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rockfall.capabilities import require_capability
from rockfall.errors import did_you_mean
from rockfall.registry import registry
from rockfall.run.directory import RunDirectory, find_run

if TYPE_CHECKING:
    from rockfall.run.run import Run


def open_capable(name: str, capability: str) -> Run:
    """A run with its model, with no more threads from then on than it was trained with.

    Raises UsageError, before it is loaded, if the model can't do it.
    """
    directory = find_run(name)
    require_capability(directory.record().model, capability)

    import torch

    from rockfall.training import open_run

    run = open_run(directory.path)
    torch.set_num_threads(min(run.record.threads, torch.get_num_threads()))
    return run


def suggest_picture(text: str, others: Iterable[str] = ()) -> str:
    """`"; did you mean flower?"` of the registered pictures, the files beside what `text` names,
    and other names that it could have been; an empty string if none is near.
    """
    path = Path(text).expanduser()
    files = [file.name for file in path.parent.glob("*") if file.suffix]
    return did_you_mean(path.name, [*registry().pictures.names(), *files, *others])


def save_training_film(gif: Path, directory: RunDirectory, capability: str) -> list[int]:
    """Write the snapshots of a capability's main picture, and last the final one, as a GIF; returns
    their steps. Raises UsageError if there are fewer than two.
    """
    from rockfall.kit.drawing import training_film

    name = registry().capabilities.find(capability).spec.compared
    result = directory.result()
    last = result["steps"] if result else None
    return training_film.save_training_film(gif, directory.pictures, name, last)
