"""Home: the runs, their curves and pictures, and what to begin with."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from rockfall import RockfallError, UnknownName
from rockfall.kit.regular import is_regular, read_whole
from rockfall.kit.series import AXES
from rockfall.plugin import registry
from rockfall.verbs import RunDirectory, first_model
from rockfall_studio.asks import Answer, Ask, answers
from rockfall_studio.curves import Curve, Log, smoothed, thinned
from rockfall_studio.studio import Studio

PICTURES = {".png": "image/png", ".gif": "image/gif"}
MOST_PICTURES = 400
"""Of a run, the newest first, that are listed."""
LARGEST_PICTURE = 16 * 2**20
"""Bytes."""
OF_A_STEP = re.compile(r"(?P<of>.+)-(?P<step>\d+)")


class Runs(Ask):
    """All of them."""


@answers("home.runs")
def runs(studio: Studio, ask: Runs) -> Answer:
    """data: runs, newest first, each as `Board.runs` has it."""
    return Answer({"runs": studio.board.runs(studio, fresh=True)[::-1]})


class Watch(Ask):
    """All of them, and again whenever something about one has changed."""


@answers("home.watch")
def watch(studio: Studio, ask: Watch) -> Iterator[Answer | None]:
    """As `home.runs`."""
    shown = None
    while True:
        found = studio.board.runs(studio)
        if found == shown:
            yield None
        else:
            shown = found
            yield Answer({"runs": found[::-1]})


class Offers(Ask):
    """What could be trained."""


@answers("home.offers")
def offers(studio: Studio, ask: Offers) -> Answer:
    """data: first, the name of the model to begin with (or null); models, each {name, summary,
    source (its own), kinds (that it learns from), capabilities}, in the order of registration.
    """
    models = registry().models
    first = first_model()
    return Answer(
        {
            "first": models.shown_name(first) if first else None,
            "models": [
                {
                    "name": models.shown_name(entry),
                    "summary": entry.spec.summary,
                    "source": entry.spec.default_source,
                    "kinds": entry.spec.learns_from,
                    "capabilities": [n.rpartition(":")[2] for n in entry.spec.capabilities],
                }
                for entry in models.as_registered()
            ],
        }
    )


class Follow(Ask):
    """Curves of some metrics of some runs, as they grow.

    metrics: names; those that a run lacks are left out. points: of a curve, at most.
    """

    runs: tuple[str, ...] = Field((), max_length=40)
    metrics: tuple[str, ...] = Field((), max_length=6)
    axis: Literal["step", "environment_steps", "epoch", "seconds"] = "step"
    smoothing: float = Field(0.0, ge=0, le=0.999)
    log: bool = False
    points: int = Field(1000, ge=10, le=4000)


@answers("home.curves")
def curves(studio: Studio, ask: Follow) -> Iterator[Answer | None]:
    """An answer at first for each run, and then for one whenever it has grown.

    data: run; metrics: all the names that it has logged; axes: those that all its lines have;
    curves: [{metric, raw, smooth}], each the number of a plane, (2, n) float32, smooth null without
    smoothing; error: where its file is damaged, else empty.
    """
    logs = {name: _log(studio, studio.run(name)) for name in dict.fromkeys(ask.runs)}
    shown = dict.fromkeys(logs, -1)
    while True:
        for name, log in logs.items():
            with log.lock:
                log.read()
                if log.version == shown[name]:
                    continue
                shown[name] = log.version
                answer = _curves(name, log, ask)
            yield answer
        yield None


def _log(studio: Studio, directory: RunDirectory) -> Log:
    try:
        entry = registry().models.get(directory.record().model)
    except RockfallError:
        entry = None
    return studio.logs.of(directory.metrics_file, entry.spec.renamed if entry else {})


def _curves(name: str, log: Log, ask: Follow) -> Answer:
    planes: list[Curve] = []
    found: list[dict[str, Any]] = []
    for metric, series in log.metrics.items():
        if metric not in ask.metrics or ask.axis not in series.axes:
            continue
        points = series.points(ask.axis)
        across, up = [x for x, _ in points], [y for _, y in points]
        planes.append(thinned(across, up, ask.points, log=ask.log))
        about = {"metric": metric, "raw": len(planes) - 1, "smooth": None, "last": up[-1]}
        if ask.smoothing:
            planes.append(thinned(across, smoothed(up, ask.smoothing), ask.points, log=ask.log))
            about["smooth"] = len(planes) - 1
        found.append(about)
    axes = set.intersection(*(series.axes for series in log.metrics.values()), set(AXES))
    return Answer(
        {
            "run": name,
            "metrics": list(log.metrics),
            "axes": [axis for axis in AXES if axis in axes],
            "curves": found,
            "error": log.error,
        },
        planes,
    )


class Pictures(Ask):
    """A run's pictures."""

    run: str = Field(max_length=300)


@answers("home.pictures")
def pictures(studio: Studio, ask: Pictures) -> Answer:
    """data: pictures, each {name, of, step}: step is null for those of the trained model, which
    come first; the others are of while it learned, `of` names what they are of.
    """
    return Answer({"pictures": [_about(path) for path in _pictures(studio.run(ask.run))]})


class Picture(Pictures):
    """One of them. name: as it was listed."""

    name: str = Field(max_length=300)


@answers("home.picture")
def picture(studio: Studio, ask: Picture) -> Answer:
    """data: type; planes: the file's bytes (n,)."""
    listed = {path.name: path for path in _pictures(studio.run(ask.run))}
    if ask.name not in listed:
        raise UnknownName(f"run {ask.run[:80]} has no picture {ask.name[:80]}")
    path = listed[ask.name]
    content = np.frombuffer(read_whole(path, LARGEST_PICTURE), np.uint8)
    return Answer({"type": PICTURES[path.suffix]}, [content])


def _pictures(directory: RunDirectory) -> list[Path]:
    """Of the trained model first, then by name and step."""
    try:
        names = [name for name in os.listdir(directory.pictures) if Path(name).suffix in PICTURES]
    except OSError:
        return []
    found = [directory.pictures / name for name in names]
    whole = sorted((path for path in found if is_regular(path)), key=_order)
    return whole[:MOST_PICTURES]


def _order(path: Path) -> tuple[bool, str, int]:
    match = OF_A_STEP.fullmatch(path.stem)
    return (True, match["of"], int(match["step"][:18])) if match else (False, path.stem, 0)


def _about(path: Path) -> dict[str, Any]:
    of_a_step, of, step = _order(path)
    return {"name": path.name, "of": of, "step": step if of_a_step else None}
