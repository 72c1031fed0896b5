"""The same noise through training: the samples that a run left while it learned."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from pydantic import Field

from rockfall import UsageError
from rockfall.plugin import registry
from rockfall.verbs import require_capability
from rockfall_studio.asks import Answer, answers
from rockfall_studio.studio import Studio
from rockfall_studio.views.imagine.generators import OfRun

CAPABILITY = "samples"


class Training(OfRun):
    """Which pictures there are."""


@answers("imagine.training")
def training(studio: Studio, ask: Training) -> Answer:
    """data: steps, ascending."""
    return Answer({"steps": sorted(_left(studio, ask.run))})


class Snapshot(OfRun):
    step: int = Field(ge=0)


@answers("imagine.snapshot")
def snapshot(studio: Studio, ask: Snapshot) -> Answer:
    """planes: the sheet of samples (H, W, 3) after this step."""
    from rockfall.kit.pictures import decode, on_white

    left = _left(studio, ask.run)
    if ask.step not in left:
        raise UsageError(f"{ask.run} left no picture of step {ask.step:,}")
    return Answer({}, [np.array(on_white(decode(left[ask.step]).image))])


def _left(studio: Studio, run: str) -> dict[int, Path]:
    """The snapshots of a run by their steps, and what it left in the end."""
    directory = studio.run(run)
    require_capability(directory.record().model, CAPABILITY)
    name = registry().capabilities.find(CAPABILITY).spec.compared
    named = re.compile(re.escape(name) + r"-(\d{1,15})\.png")
    if not directory.pictures.is_dir():
        return {}
    found = ((named.fullmatch(file.name), file) for file in directory.pictures.iterdir())
    left = {int(match[1]): file for match, file in found if match}
    result, last = directory.result(), directory.pictures / f"{name}.png"
    return {**left, int(result["steps"]): last} if result and last.is_file() else left
