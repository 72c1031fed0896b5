"""The core's own openers, registered the way a plugin's are: names, Gymnasium ids, files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rockfall.errors import UnknownName
from rockfall.kit.blame import code_of
from rockfall.kit.trust import module_of, require_typed
from rockfall.registry import registry
from rockfall.sources.source import Source

if TYPE_CHECKING:
    from torch import Tensor


def open_registered(text: str, options: Mapping[str, Any]) -> Source | None:
    """A registered dataset, picture or environment, by bare or full name."""
    if (dataset := registry().datasets.get(text)) is not None:
        from rockfall.sources.options import open_with

        opened = dataset.spec.load()
        with code_of(dataset.spec.whose):
            return open_with(text, opened, options)
    if (picture := registry().pictures.get(text)) is not None:
        from rockfall.sources.picture import Picture

        opened = picture.spec.load()
        with code_of(picture.spec.whose):
            return Picture.open(picture.spec.name, opened, options)
    if (environment := registry().environments.get(text)) is not None:
        from rockfall.sources.environment import Environment

        spec = environment.spec
        with code_of(spec.whose):
            return Environment(spec.gymnasium_id, options, spec)
    return None


def open_gymnasium(text: str, options: Mapping[str, Any]) -> Source | None:
    """Any id that Gymnasium knows, or an installed package registers, such as `CartPole-v1`; or
    `module:Name-v0` of a module that is installed or lies in the working directory.
    """
    named, _, bare = text.rpartition(":")
    module = module_of(text)
    if named and not module:
        return None
    import gymnasium

    from rockfall.kit.environments.packages import import_beside, register_id, unregistered

    if module:
        require_typed(text)
        try:
            import_beside(module)
        except ModuleNotFoundError:
            return None
    from rockfall.sources.environment import Environment

    for _, spec in registry().environments:
        if spec.gymnasium_id == bare:  # with all that its plugin knows of it
            return Environment(bare, options, spec)
        with contextlib.suppress(Exception):  # a broken plugin hides no other's ids
            spec.load()
    if bare in gymnasium.registry or (not module and register_id(bare)):
        return Environment(text, options)
    if reason := unregistered(module, bare):
        raise UnknownName(f"no source {text}: {reason}")
    return None


def open_picture(text: str, options: Mapping[str, Any]) -> Source | None:
    """The path of a picture file."""
    path = Path(os.path.expanduser(text))
    if not os.path.isfile(path):  # unlike Path's, False for what can be no path
        return None
    from rockfall.kit.pictures import decode, quietly, with_alpha
    from rockfall.sources.picture import Picture

    notes: list[str] = []

    def read() -> Tensor:
        with quietly():
            image, said = decode(path)
        notes.extend(said)
        return with_alpha(image)

    opened = Picture.open(str(path.resolve()), read, options)
    opened.warnings = tuple(f"of {text}: {note}" for note in notes)
    return opened
