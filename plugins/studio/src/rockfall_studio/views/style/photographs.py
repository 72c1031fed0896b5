"""Photographs: registered pictures, and what came from the page, which is kept under its digest."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from rockfall import UsageError
from rockfall.kit.files import state_folder, writing
from rockfall.plugin import registry
from rockfall_studio.asks import Answer, Ask, answers
from rockfall_studio.studio import Studio
from rockfall_studio.uploads import read_picture

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 3000
"""Pixels along the longer side of what is kept."""
PREVIEW = 512
"""And of what the page is shown of it."""
KEPT = re.compile(r"[a-z0-9-]{1,40}-[0-9a-f]{16}")
"""How a kept picture is named: after its file and its content."""

Named = Annotated[str, Field(max_length=200)]
"""A registered picture, or one that was kept: what `style.keep` called it."""


class Keep(Ask):
    """attached: a picture file. name: what it was called."""

    name: str = Field("", max_length=300)


@answers("style.keep")
def keep(studio: Studio, ask: Keep) -> Answer:
    """data: picture, as which it can be named; width and height; notes on how it was read. planes:
    the picture (H, W, 3), small.
    """
    from rockfall.kit.pictures import on_white, save, with_alpha
    from rockfall.kit.resizing import within

    found = read_picture(ask.attached)
    pixels = within(with_alpha(on_white(found.image)), LARGEST)
    content = f"{tuple(pixels.shape)}".encode() + pixels.numpy().tobytes()
    stem = re.sub(r"[^a-z0-9]+", "-", Path(ask.name).stem.lower())[:40].strip("-") or "picture"
    name = f"{stem}-{hashlib.sha256(content).hexdigest()[:16]}"
    path = kept(name)
    if not path.exists():
        with writing(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        save(path, pixels)
    return _described(name, pixels, found.notes)


class Look(Ask):
    picture: Named


@answers("style.look")
def look(studio: Studio, ask: Look) -> Answer:
    """As `style.keep`, of a picture that has a name."""
    return _described(ask.picture, photograph(ask.picture), ())


def _described(name: str, pixels: Tensor, notes: tuple[str, ...]) -> Answer:
    from rockfall.kit.resizing import within

    _, height, width = pixels.shape
    about = {"picture": name, "width": width, "height": height, "notes": list(notes)}
    return Answer(about, [plane(within(pixels, PREVIEW))])


def photograph(name: str) -> Tensor:
    """(3, H, W) uint8. Raises UsageError for a name that there is not."""
    from rockfall import Picture
    from rockfall.kit.pictures import load

    if KEPT.fullmatch(name) and kept(name).is_file():
        return load(kept(name))
    entry = registry().pictures.get(name)
    if entry is None:
        raise UsageError(f"there is no picture {name[:80]}: open it again")
    return Picture.open(entry.spec.name, entry.spec.load(), {}).pixels


def typed(name: str) -> str:
    """What to type for it: a path, or its registered name. Raises UsageError as `photograph`."""
    if KEPT.fullmatch(name) and kept(name).is_file():
        return str(kept(name))
    if registry().pictures.get(name) is None:
        raise UsageError(f"there is no picture {name[:80]}: open it again")
    return name


def kept(name: str) -> Path:
    """The file of what came from the page. name: as `KEPT` has it."""
    return state_folder() / "studio" / f"{name}.png"


def plane(pixels: Tensor) -> np.ndarray[Any, Any]:
    """(3, H, W) uint8 → (H, W, 3)."""
    return np.ascontiguousarray(pixels.permute(1, 2, 0).cpu().numpy())
