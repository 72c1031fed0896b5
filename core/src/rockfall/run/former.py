"""Former names of settings, metrics and figures, for the files of runs that an older version left,
of Rockfall or of a plugin.

The table is the `renamed` of the specs: a model's has its settings and what it logs, a capability's
its figures. Nothing else reads it, so that what is typed must be a present name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rockfall.registry import registry


def config(model: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded config by the present names of its settings."""
    return _present(values, _of_model(model))


def metrics(model: str, lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Logged lines by the present names of their metrics."""
    renamed = _of_model(model)
    return (_present(line, renamed) for line in lines) if renamed else lines


def figures(model: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Final figures by their present names."""
    entry = registry().models.get(model)
    found = [registry().capabilities.get(name) for name in entry.spec.capabilities] if entry else []
    renamed = {old: new for each in found if each for old, new in each.spec.renamed.items()}
    return _present(values, renamed)


def _of_model(model: str) -> Mapping[str, str]:
    entry = registry().models.get(model)
    return entry.spec.renamed if entry else {}


def _present(values: Mapping[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    """By their present names, but for those whose present name is there too: they are others'."""
    return {
        name if renamed.get(name, name) in values else renamed[name]: value
        for name, value in values.items()
    }
