"""What to type first. It comes from what is installed, for the core knows no particular model."""

from __future__ import annotations

from rockfall.catalogue import Entry
from rockfall.registry import registry
from rockfall.specs import ModelSpec


def first_model() -> Entry[ModelSpec] | None:
    """The model to begin with, or None if none is installed.

    It is the first in the order of registration (plugins by the names of their modules, and in a
    plugin as it lists them) whose default source is registered too; without such a one, the first.
    """
    models = list(registry().models.as_registered())
    return next(
        (entry for entry in models if _has_its_source(entry.spec)), next(iter(models), None)
    )


def first_command() -> str:
    """`rockfall train MODEL` of the first model, or how to install one."""
    entry = first_model()
    if entry is None:
        return "rockfall install NAME"
    return f"rockfall train {registry().models.shown_name(entry)}"


def _has_its_source(spec: ModelSpec) -> bool:
    bare = spec.default_source.rpartition(":")[2]
    return any(catalogue.owners(bare) for catalogue in registry().sources)
