"""What there is to see in a model: the pictures of every capability that draws some."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from rockfall.capabilities import capabilities_of
from rockfall.errors import RockfallError
from rockfall.kit import pictures
from rockfall.kit.blame import code_of, explained, loading
from rockfall.kit.modules import eval_mode
from rockfall.kit.randomness import fork_rng
from rockfall.kit.regular import is_regular
from rockfall.registry import registry
from rockfall.run.snapshots import Draw
from rockfall.sources.source import Source
from rockfall.specs import NAME, CapabilitySpec, load_target

CURVES = "curves"
"""The name of the picture that `rockfall show` draws of any run; no capability may use it."""
OF_A_STEP = re.compile(r".+-\d+")


def with_pictures(model: str) -> list[CapabilitySpec]:
    """Those of a registered model's capabilities that have pictures."""
    return [each for each in _capabilities(model) if each.pictures]


def draw_capability(
    model: Any, target: str, source: Source, whose: str = "a capability"
) -> dict[str, Image.Image | Tensor]:
    """Pictures by name, as a capability's target draws them: without gradients, in evaluation mode
    and under a forked generator that is always seeded the same.
    """
    with loading(whose, target):
        draw = load_target(target)
    with code_of(whose), fork_rng(seed=0), eval_mode(model):
        return dict(draw(model, source))


def snapshots_of(model: Any, name: str, source: Source) -> list[Draw]:
    """What draws the pictures that a run of the registered model leaves while it learns."""
    return [
        functools.partial(draw_capability, model, each.snapshots, source, each.whose)
        for each in _capabilities(name)
        if each.snapshots
    ]


def write_pictures(model: Any, name: str, source: Source, folder: Path) -> Iterator[Path]:
    """Write a model's pictures as `folder/NAME.png` and yield the paths, one as it is written.

    name: the model's, as registered. Whatever goes wrong with one capability or picture, the others
    are written; then RockfallError says in one line what failed.
    """
    failed: list[str] = []
    taken = {CURVES}
    for capability in with_pictures(name):
        try:
            drawn = draw_capability(model, capability.pictures, source, capability.whose)
            for each, picture in drawn.items():
                check_picture_name(each, taken)
                taken.add(each)
                yield pictures.save(folder / f"{each}.png", picture)
        except Exception as error:
            reason = str(error) if isinstance(error, RockfallError) else explained(error)
            failed.append(f"not all that {capability.name} is drawn: {' '.join(reason.split())}")
    if failed:
        raise RockfallError("; ".join(failed))


def pictures_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures of the trained model, and those of its steps, each oldest first."""
    found = [path for path in folder.glob("*.png") if path.stem != CURVES and is_regular(path)]
    found.sort(key=lambda path: (os.lstat(path).st_mtime_ns, path.name))
    steps = [path for path in found if OF_A_STEP.fullmatch(path.stem)]
    return [path for path in found if path not in steps], steps


def check_picture_name(name: str, taken: set[str]) -> None:
    """Raise RockfallError for what can be no file's name, or is another picture's."""
    if not NAME.fullmatch(name):
        raise RockfallError(
            f"picture name {name!r}: use lower-case letters, digits, '-', '_' and '.'"
        )
    if name in taken:
        raise RockfallError(f"picture name {name!r} is taken by another picture")


def _capabilities(model: str) -> list[CapabilitySpec]:
    return capabilities_of(registry().models.find(model).spec)
