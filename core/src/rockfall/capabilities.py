"""Which models can do what: used by the verbs to refuse kindly."""

from __future__ import annotations

from rockfall.errors import UsageError
from rockfall.registry import registry


def require(model: str, capability: str) -> None:
    """Raise UsageError if the model lacks the capability, saying which models have it."""
    entry = registry().models.find(model)
    if capability in entry.spec.capabilities:
        return
    have = [
        registry().models.shown_name(other)
        for other in registry().models
        if capability in other.spec.capabilities
    ]
    who = f"models that do: {', '.join(have)}" if have else "no installed model does"
    can = " and ".join(entry.spec.capabilities) or "does nothing more"
    raise UsageError(f"{entry.spec.name} {can}, but not {capability}; {who}")
