"""Home: the runs, and which view is for which."""

from __future__ import annotations

from typing import Any

from rockfall import RockfallError
from rockfall.plugin import registry
from rockfall.verbs import RunDirectory
from rockfall_studio.asks import Answer, Ask, answers
from rockfall_studio.studio import Studio


class Runs(Ask):
    """All of them."""


@answers("home.runs")
def runs(studio: Studio, ask: Runs) -> Answer:
    """data: runs, newest first, each as `described`."""
    return Answer({"runs": [described(run) for run in reversed(studio.runs())]})


def described(directory: RunDirectory) -> dict[str, Any]:
    """What a list of runs says of one; of a damaged run, its fault."""
    try:
        record, result = directory.record(), directory.result()
    except RockfallError as error:
        return {"name": directory.name, "status": "damaged", "error": str(error)}
    entry = registry().models.get(record.model)
    return {
        "name": directory.name,
        "model": record.model_name,
        "source": record.source,
        "kinds": list(record.info.get("kinds", ())),
        "status": directory.status,
        "ready": directory.has_checkpoint("last"),
        "capabilities": list(entry.spec.capabilities) if entry else [],
        "figures": (result or {}).get("figures", {}),
    }
