"""Which models can do what, by their specs, before anything is trained or loaded."""

from __future__ import annotations

from rockfall.catalogue import Entry
from rockfall.errors import UsageError, did_you_mean
from rockfall.registry import registry
from rockfall.specs import CapabilitySpec, ModelSpec

COMMON = "rockfall-capabilities"
"""What the core of 0.1 had itself, so that a plugin for that does not require it."""


def capabilities_of(spec: ModelSpec) -> list[CapabilitySpec]:
    """The capabilities that a model names, in its order.

    Raises UsageError for one that no installed plugin registers, saying what to install if the
    model names its distribution, as in `rockfall-moves:dances`.
    """
    found = []
    for name in spec.capabilities:
        entry = registry().capabilities.get(name)
        if entry is None:
            owner, _, bare = name.rpartition(":")
            hint = did_you_mean(bare, registry().capabilities.names())
            how = f": pip install {owner}" if owner else f"; {COMMON} has the common ones{hint}"
            raise UsageError(
                f"{spec.name} names the capability {bare}, which no installed plugin has{how}"
            )
        found.append(entry.spec)
    return found


def has_capability(spec: ModelSpec, capability: str) -> bool:
    """Whether a model names a capability, with its distribution or without."""
    return any(_bare(name) == capability for name in spec.capabilities)


def models_with(capability: str) -> list[Entry[ModelSpec]]:
    """The registered models that name a capability."""
    return [entry for entry in registry().models if has_capability(entry.spec, capability)]


def require_capability(model: str, capability: str) -> None:
    """Raise UsageError if the model lacks the capability, saying which models have it."""
    models = registry().models
    spec = models.find(model).spec
    if has_capability(spec, capability):
        return
    have = [models.shown_name(entry) for entry in models_with(capability)]
    who = f"models that do: {', '.join(have)}" if have else "no installed model does"
    names = " and ".join(map(_bare, spec.capabilities)) or "no capabilities"
    has = names.replace(" and ", ", ", len(spec.capabilities) - 2)
    raise UsageError(f"{spec.name} has {has}, but not {capability}; {who}")


def _bare(name: str) -> str:
    """The name without its distribution."""
    return name.rpartition(":")[2]
