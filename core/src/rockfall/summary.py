"""What a run measured, as lines for people."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from rockfall.kit.measurements import count, measured
from rockfall.kit.units import duration
from rockfall.registry import registry

COUNTED = {"examples": "examples", "environment_steps": "environment steps"}
"""What a result says how many of were learned from, in words."""


def measurement_lines(measurements: dict[str, Any]) -> list[str]:
    """A measurement in a line, value ± error and what it amounts to; its baselines in another."""
    lines = []
    for name, found in measurements.items():
        parts = [f"{name} {measured(found)}"]
        parts += [f"{number} {what}" for what, number in derived(found).items()]
        if "note" in found:
            parts.append(found["note"])
        lines.append(" · ".join(parts))
        baselines = found.get("baselines", {})
        if baselines:
            beside = (f"{other} {measured(theirs)}" for other, theirs in baselines.items())
            lines.append(f"  beside {' · '.join(beside)}")
        if published := found.get("published"):
            others = (f"{who} {measured({'value': score})}" for who, score in published.items())
            lines.append(f"  published: {' · '.join(others)}")
    return lines


def derived(measurement: Mapping[str, Any]) -> dict[str, str]:
    """What else a measurement amounts to, such as `% of the best` → `99.1`: see
    `CapabilitySpec.derived`.
    """
    specs = [entry.spec for entry in registry().capabilities]
    known = {key: what for spec in specs for key, what in spec.derived.items()}
    found = {what: measurement.get(key) for key, what in known.items()}
    return {what: f"{n:.3g}" for what, n in found.items() if isinstance(n, int | float)}


def outcome_lines(finished: dict[str, Any]) -> list[str]:
    """The lines that close a run: what it took, how good it is, what to look at and to type."""
    address = finished["address"]
    following = [*uses(finished["model"], finished["kinds"], address), f"rockfall show {address}"]
    took = (duration(finished["seconds"]), *effort(finished["result"]))
    return [
        f"run {finished['run']} is trained: {' · '.join(took)}",
        *measurement_lines(finished["result"]["figures"]),
        *_pictures(finished["pictures"]),
        f"next: {'  ·  '.join(following)}",
    ]


def _pictures(paths: list[str]) -> list[str]:
    if not paths:
        return []
    names = ", ".join(Path(path).stem for path in paths)
    return [f"pictures in {Path(paths[0]).parent}:", f"  {names}"]


def effort(result: dict[str, Any]) -> list[str]:
    """Its parameters and speed, as far as a result says them."""
    parts = {"parameters": result.get("parameters")}
    parts |= {f"{what} a second": a_second(result, of) for of, what in COUNTED.items()}
    return [f"{count(number)} {what}" for what, number in parts.items() if number]


def a_second(result: dict[str, Any], of: str) -> float | None:
    """How many of what is COUNTED a run went through in a second; None without any."""
    counted, seconds = result.get(of), result.get("seconds")
    return counted / seconds if counted and seconds else None


def uses(model: str, kinds: Collection[str], run: str) -> list[str]:
    """What to type to use a model that learned from a source of these kinds, by what it can do."""
    entry = registry().models.get(model)
    found = [registry().capabilities.get(c) for c in (entry.spec.capabilities if entry else ())]
    verbs = [
        capability.spec.verb.split()
        for capability in found
        if capability and (not capability.spec.verb_needs or capability.spec.verb_needs in kinds)
    ]
    typed = [[run if word == "RUN" else word for word in words] for words in verbs if words]
    return [" ".join(("rockfall", *words)) for words in typed]
