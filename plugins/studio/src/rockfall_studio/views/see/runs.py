"""The runs that can be looked at, and what is known of one before it sees anything."""

from __future__ import annotations

from typing import Any

from rockfall_studio.asks import Answer, Ask, answers
from rockfall_studio.studio import Studio
from rockfall_studio.views.see.seen import SHOWS, OfRun, Seen, looking

MIN_SHEET, MAX_SHEET = 112, 256
"""Pixels a side of what is drawn, as it is sent: four times a digit of MNIST, and as many as a
drawing is looked for in (`rockfall.kit.ink`).
"""


class Runs(Ask):
    """All of them."""


@answers("see.runs")
def runs(studio: Studio, ask: Runs) -> Answer:
    """data: runs, newest first, that something is to be seen of: name, model, source."""
    found = []
    for run in reversed(studio.board.runs(studio)):
        names = {name.rpartition(":")[2] for name in run.get("capabilities", ())}
        if names & set(SHOWS) and run["ready"]:
            found.append({key: run[key] for key in ("name", "model", "source")})
    return Answer({"runs": found})


class Open(OfRun):
    """What there is to see of a run."""


@answers("see.open")
def open_(studio: Studio, ask: Open) -> Answer:
    """data: kind, "pictures", "game" or "numbers"; shape and dtype of an input; classes; ends,
    names of the last layer's numbers if it has one for each class or action; layered, classifies;
    sizes of the splits; light, whether drawings are light on dark; side of the sheet to draw on;
    bounds of numbers, a low and a high each; model, source, address.
    """
    with looking(studio, ask.run) as seen:
        info, record = seen.info, seen.opened.run.record
        side = max((*info.shape[1:], 1))
        return Answer(
            {
                "kind": kind_of(seen),
                "shape": list(info.shape),
                "dtype": info.dtype,
                "classes": list(info.classes),
                "ends": list(info.classes) or [f"action {n}" for n in range(info.actions or 0)],
                "layered": seen.can("layered"),
                "classifies": seen.can("classifies"),
                "sizes": dict(info.sizes),
                "light": (info.preparation or {}).get("ink", "light") == "light",
                "side": min(MAX_SHEET, max(MIN_SHEET, 2 * side)),
                "bounds": bounds(seen),
                "model": record.model_name,
                "source": record.source,
                "address": seen.opened.run.address,
            }
        )


def kind_of(seen: Seen) -> str:
    """What its inputs are."""
    if any("actions" in kind for kind in seen.info.kinds):
        return "game"
    if len(seen.info.shape) == 3 and seen.info.dtype == "uint8":
        return "pictures"
    return "numbers"


def bounds(seen: Seen) -> list[list[float]]:
    """Between which each number of a vector lies, in the training split."""
    statistics: Any = seen.info.statistics
    ends = [statistics.get(name, []) for name in ("min", "max")]
    if len(seen.info.shape) != 1 or not {"min", "max"} <= set(statistics):
        return []
    return [[float(low), float(high)] for low, high in zip(*ends, strict=True)]
