"""Kinds: what a source can serve as, and what a model learns from. Read from specs alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from rockfall.errors import UsageError
from rockfall.registry import registry
from rockfall.specs import ModelSpec

KINDS = {
    "pictures": "a dataset of pictures (N, C, H, W) uint8",
    "labelled-pictures": "a dataset of pictures (N, C, H, W) uint8 with labels (N,) int64",
    "vectors": "a dataset of vectors (N, D) float",
    "labelled-vectors": "a dataset of vectors (N, D) float with labels (N,) int64",
    "sequences": "a dataset of sequences (N, T, D), or of symbols (N, T) int64, with targets",
    "labelled-sequences": "a dataset of sequences with labels (N,) int64",
    "text": "a dataset of sequences of symbols, of which the next is the target",
    "picture": "one picture (3, H, W) uint8, by its name or its path",
    "environment": "any Gymnasium id",
    "discrete-actions": "any Gymnasium id with Discrete actions",
    "multi-discrete-actions": "any Gymnasium id with MultiDiscrete actions",
    "multi-binary-actions": "any Gymnasium id with MultiBinary actions",
    "continuous-actions": "any Gymnasium id with Box actions",
}
"""Those that the core's own sources have. A plugin may give its sources, and models, others."""


def all_kinds() -> dict[str, str]:
    """The core's kinds and what they are, then those of plugins, of which nothing is known."""
    models = (entry.spec.learns_from for entry in registry().models)
    sources = (entry.spec.kinds for catalogue in registry().sources for entry in catalogue)
    return {kind: KINDS.get(kind, "") for kinds in (KINDS, *models, *sources) for kind in kinds}


def learners(kinds: Iterable[str]) -> list[str]:
    """Names of the models that learn from a source of these kinds."""
    models, given = registry().models, set(kinds)
    return [models.shown_name(e) for e in models if given.intersection(e.spec.learns_from)]


def begin_with(kinds: Collection[str]) -> list[str]:
    """As `learners`; of labelled examples those first that have a capability which needs labels."""
    labelled = {kind for kind in kinds if kind.startswith("labelled")}
    known = registry().capabilities
    needing = {entry.spec.name for entry in known if entry.spec.verb_needs in labelled}
    found = learners(kinds)
    models = registry().models
    able = [m for m in found if needing.intersection(models.find(m).spec.capabilities)]
    return able or found


def sources_of(kinds: Iterable[str]) -> list[str]:
    """Names of the registered sources that are of one of these kinds."""
    wanted = set(kinds)
    return [
        catalogue.shown_name(entry)
        for catalogue in registry().sources
        for entry in catalogue
        if wanted.intersection(entry.spec.kinds)
    ]


def require_kind(model: ModelSpec, source: str, kinds: Iterable[str], in_the_way: str = "") -> None:
    """Raise UsageError unless the model can learn from a source of these kinds, naming others.

    in_the_way: which space of an environment no agent takes, once it is open.
    """
    wanted, given = set(model.learns_from), tuple(kinds)
    if wanted.intersection(given):
        return
    if in_the_way:
        raise UsageError(f"no agent learns from {source}: {in_the_way}")
    others, usable = learners(given), sources_of(wanted)
    suits = f", from which {', '.join(others[:4])} learn" if others else ""
    instead = f"; try {', '.join(usable[:4])}" if usable else ""
    raise UsageError(
        f"{model.name} learns from {' or '.join(sorted(wanted))}, "
        f"and {source} is {' and '.join(given)}{suits}{instead}"
    )
