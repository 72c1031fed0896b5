"""Pictures named by a setting or an argument: a path, or a name of `rockfall list pictures`."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from rockfall import Picture, UnknownName
from rockfall.kit.pictures import load
from rockfall.plugin import registry
from rockfall.verbs import suggest_picture


def require_picture(name: str, setting: str = "") -> None:
    """Raise UnknownName, with a suggestion, for what is neither a file nor a picture's name.

    setting: which names it, for the message.
    """
    known = registry().pictures
    if Path(name).expanduser().is_file() or known.get(name) is not None:
        return
    hint = suggest_picture(name) or f"; by name there are {', '.join(known.names())}"
    what = f"{setting}: no picture {name}" if setting else f"no picture {name}"
    raise UnknownName(f"{what}: no such file, and no picture by name{hint}")


def read_picture(name: str, setting: str) -> Tensor:
    """(3, H, W) uint8. Raises UnknownName as `require_picture` does, and UsageError for a file that
    is not a picture.
    """
    require_picture(name, setting)
    path = Path(name).expanduser()
    if path.is_file():
        return load(path)
    found = registry().pictures.find(name)
    return Picture.open(found.spec.name, found.spec.load(), {}).pixels
