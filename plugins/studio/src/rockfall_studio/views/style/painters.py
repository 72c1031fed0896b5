"""Models that paint one picture anew, growing beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydantic import Field

from rockfall import RockfallError, UsageError
from rockfall.kit.regular import is_regular, read_whole
from rockfall.plugin import registry
from rockfall.verbs import RunDirectory, require_capability
from rockfall_studio.asks import Answer, Ask, answers
from rockfall_studio.studio import Studio
from rockfall_studio.views.style.photographs import Named, typed
from rockfall_studio.views.style.styles import painters

LARGEST = 64 * 2**20
"""Bytes of a painting's file."""


class Paint(Ask):
    """model: one of `style.styles`' painters. style: of a model that restyles, the picture whose
    style it is to have.
    """

    model: str = Field(max_length=200)
    picture: Named
    style: Named | None = None
    size: int = Field(256, ge=32, le=1024)


@answers("style.paint")
def paint(studio: Studio, ask: Paint) -> Answer:
    """data: run, which is being trained."""
    model = next((each for each in painters() if each["name"] == ask.model), None)
    if model is None:
        raise UsageError(f"{ask.model[:80]} paints no picture")
    words = [typed(ask.picture), f"source.size={ask.size}"]
    if ask.style is not None:
        if not model["restyles"]:
            raise UsageError(f"{ask.model} takes no style")
        words.append(f"style={typed(ask.style)}")
    return Answer({"run": studio.trainings.train(ask.model, words).run})


class Grow(Ask):
    run: str = Field(max_length=200)


@answers("style.grow")
def grow(studio: Studio, ask: Grow) -> Iterator[Answer | None]:
    """Each painting that a run leaves, until it ends. data: step (null of the last), fraction of
    the training, running. planes: the bytes of a PNG.
    """
    directory = studio.run(ask.run)
    require_capability(directory.record().model, "paints")
    shown: Path | None = None
    while True:
        training = studio.trainings.of(ask.run)
        running = training.running if training else directory.status == "running"
        path, step = newest(directory)
        fraction = training.progress.get("fraction") if training else None
        about = {"step": step, "fraction": fraction, "running": running}
        if path is not None and path != shown:
            shown = path
            yield Answer(about, [np.frombuffer(read_whole(path, LARGEST), np.uint8)])
        elif not running:
            if training and training.error:
                raise RockfallError(training.error)
            yield Answer(about)
            return
        else:
            yield None


def newest(directory: RunDirectory) -> tuple[Path | None, int | None]:
    """The file of the last painting, and the step that it is of; no step of the finished one."""
    name = registry().capabilities.find("paints").spec.compared
    final = directory.pictures / f"{name}.png"
    if directory.has_result() and is_regular(final):
        return final, None
    named = re.compile(re.escape(name) + r"-(\d{1,15})\.png")
    try:
        matches = [(named.fullmatch(file.name), file) for file in directory.pictures.iterdir()]
    except OSError:
        return None, None
    steps = {int(match[1]): file for match, file in matches if match and is_regular(file)}
    return (steps[max(steps)], max(steps)) if steps else (None, None)
