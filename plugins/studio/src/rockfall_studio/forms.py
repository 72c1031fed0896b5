"""A form for a model's settings, of its Config: and what is wrong with what was filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rockfall import ConfigError
from rockfall.plugin import registry

LAYERS = "layers"
"""The format of a setting that is a network as text: see `rockfall.kit.layers`."""
OF_THE_SOURCE = "source."


def form(model: str) -> dict[str, Any]:
    """A model's settings in order, each {name, kind (boolean, integer, number, choice, layers,
    list or text), default, choices, low, high, above, below, optional (may be none),
    description}; its presets; its name and what it learns from; `lengthened_by`, the setting with
    more of which a run goes on, or null. Raises UnknownName.
    """
    entry = registry().models.find(model)
    kind = entry.spec.load()
    known = kind.Config.model_json_schema()
    fields = [_field(name, each, known) for name, each in known.get("properties", {}).items()]
    return {
        "model": registry().models.shown_name(entry),
        "summary": entry.spec.summary,
        "reference": entry.spec.reference,
        "kinds": entry.spec.learns_from,
        "source": entry.spec.default_source,
        "lengthened_by": getattr(kind, "lengthened_by", None) or None,
        "fields": fields,
        "presets": {name: dict(values) for name, values in getattr(kind, "presets", {}).items()},
    }


def usual(model: str, source: str, preset: str | None) -> dict[str, Any]:
    """The settings that a model has on a source where nothing else is asked for.

    preset: None: the one named like the source.
    """
    kind = registry().models.find(model).spec.load()
    found: dict[str, Any] = kind.Config.build(model, _preset(kind, source, preset)).model_dump(
        mode="json"
    )
    return found


def problems(
    model: str, source: str, preset: str | None, values: Mapping[str, str]
) -> dict[str, str]:
    """What is wrong with a model's settings: by the setting's name, or "" for all together.

    preset: None: the one named like the source.
    """
    kind = registry().models.find(model).spec.load()
    presets = getattr(kind, "presets", {})
    if preset is not None and preset not in presets:
        return {"": f"{model} has no preset {preset[:80]}"}
    try:
        kind.Config.build(model, _preset(kind, source, preset), values)
    except ConfigError as error:
        return dict(map(_of_a_field, error.problems))
    return {}


def preset_options(model: str, source: str, preset: str | None) -> dict[str, Any]:
    """The options of the source that a preset has, `{"size": 64}`."""
    presets = getattr(registry().models.find(model).spec.load(), "presets", {})
    values = presets.get(source if preset is None else preset, {})
    return {
        key.removeprefix(OF_THE_SOURCE): value
        for key, value in values.items()
        if key.startswith(OF_THE_SOURCE)
    }


def _preset(kind: Any, source: str, preset: str | None) -> dict[str, Any]:
    """A preset's settings, without its options of the source."""
    found = getattr(kind, "presets", {}).get(source if preset is None else preset, {})
    return {key: value for key, value in found.items() if not key.startswith(OF_THE_SOURCE)}


def _of_a_field(problem: str) -> tuple[str, str]:
    """`lr: input should be …` as its setting and what is wrong with it."""
    name, colon, said = problem.partition(": ")
    return (name, said) if colon and name.isidentifier() else ("", problem)


def _field(name: str, schema: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    options = [_resolved(each, whole) for each in schema.get("anyOf", (schema,))]
    # Of a choice between several kinds, text can be any of them.
    some = [each for each in options if each.get("type") != "null"]
    main = _resolved(some[0], whole) if len(some) == 1 else {}
    return {
        "name": name,
        "kind": _kind(main),
        "default": schema.get("default"),
        "choices": main.get("enum") or ([main["const"]] if "const" in main else []),
        "low": main.get("minimum"),
        "high": main.get("maximum"),
        "above": main.get("exclusiveMinimum"),
        "below": main.get("exclusiveMaximum"),
        "optional": len(some) < len(options),
        "description": schema.get("description", ""),
    }


def _resolved(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema that is a reference to one of the definitions, as that."""
    reference = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    found: Mapping[str, Any] = whole.get("$defs", {}).get(reference, schema)
    return found


def _kind(schema: Mapping[str, Any]) -> str:
    if schema.get("format") == LAYERS:
        return "layers"
    if "enum" in schema or "const" in schema:
        return "choice"
    if schema.get("type") in ("boolean", "integer", "number"):
        return str(schema["type"])
    return "list" if schema.get("type") == "array" else "text"
