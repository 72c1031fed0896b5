"""Pictures that a setting names: by path, or as `rockfall list pictures` shows them."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from rockfall import Picture, UnknownName
from rockfall.kit.pictures import load
from rockfall.plugin import did_you_mean, registry


def anywhere(name: str) -> str:
    """A path as it is from any folder, so that a run can be resumed from another; names stay."""
    path = Path(name).expanduser()
    return str(path.resolve()) if path.is_file() else name


def read_picture(setting: str, name: str) -> Tensor:
    """(3, H, W) uint8. Raises UsageError for what is neither a picture's name nor its path."""
    path = Path(name).expanduser()
    if path.is_file():
        return load(path)
    found = registry().pictures.get(name)
    if found is None:
        known = registry().pictures.names()
        hint = did_you_mean(name, known) or f"; by name there are {', '.join(known)}"
        raise UnknownName(f"{setting}: no picture {name}, neither a file nor by name{hint}")
    return Picture.open(found.spec.name, found.spec.load(), {}).pixels
