"""`generates`: makes examples that are to be told from the data by nothing. Its figures say how far
it is from that: in the features of a judge, class by class, and whether it copies.

Every figure stands beside the same of examples that are real. Where three sets of samples are
drawn, its error is that of their mean.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from PIL import Image
from torch import Tensor

from rockfall import Dataset, Measurements, fork_rng, measurement
from rockfall.kit.drawing import are_pictures, sheet
from rockfall_generators.coverage import agreement
from rockfall_generators.distances import frechet
from rockfall_generators.draws import Draws, compared, drawn
from rockfall_generators.judge import Judge, judge_of
from rockfall_generators.judged import judged
from rockfall_generators.modes import Modes, on_modes
from rockfall_generators.moments import moments
from rockfall_generators.neighbours import affordable, closeness, nearest
from rockfall_generators.protocol import Generates, GeneratesByClass

FEWEST = 2
"""Finite samples without which nothing can be said but that."""
MOST_COORDINATES = 1000
"""Numbers of a vector whose covariance is taken as it is; its roots take a second then."""
MOST_ASKED = 1000
"""Samples that are asked for by class."""
SAMPLES = 64
"""As many as the picture `samples` shows, so that those beside their neighbours are the first of
it: a model may make other examples when asked for fewer.
"""
COLUMNS, ROWS = 12, 3

Told = Callable[[Tensor], Tensor]
"""Inputs (N, …) → the classes (N,) int64 of the source that they look like, −1 for none of them."""


def evaluate(
    model: Generates, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """What there is to say of pictures with a judge, of vectors, and of anything.

    limit: samples of a set, and test examples, at most. Raises RockfallError for a damaged judge.
    """
    draws = drawn(model, source, seed, limit)
    figures: Measurements = {}
    if not draws.finite.all():
        share = measurement(draws.finite.double(), {})
        share["note"] = "the others are NaN or infinite; every other figure leaves them out"
        figures["finite samples"] = share
    if int(draws.finite.sum()) < FEWEST:
        return figures
    judge = judge_of(source.info)
    if judge is not None:
        figures |= judged(judge, draws, source)
        told: Told | None = judge.classify
    elif len(source.info.shape) == 1:
        found, told = _of_vectors(source, draws)
        figures |= found
    else:
        told = None
    if told and isinstance(model, GeneratesByClass) and len(source.info.classes) > 1:
        asked = source.test.evenly_spaced(min(MOST_ASKED, len(draws.test.labels)))
        figures["class agreement"] = agreement(model, asked, told)
    return figures | {"nearest training neighbour": _copying(source, draws, judge)}


def check(model: Generates, source: Dataset) -> None:
    """Its figures are numbers, and the seed decides them."""
    given = []
    for _ in range(2):
        with fork_rng(seed=0):
            given.append(json.dumps(evaluate(model, source, seed=0, limit=10), allow_nan=False))
    assert given[0] == given[1], "the same seed must give the same figures"


def pictures(model: Generates, source: Dataset) -> dict[str, Image.Image]:
    """Of pictures `neighbours`: samples, the first of those that `samples` shows, each above its
    nearest training example.
    """
    if not are_pictures(source.info.shape, source.info.dtype):
        return {}
    made = model.sample(SAMPLES)[: COLUMNS * ROWS]
    known = source.train.inputs
    like = known[nearest(made, known).rows]
    pairs = zip(made.split(COLUMNS), like.split(COLUMNS), strict=True)
    return {
        "neighbours": sheet(
            [row for new, old in pairs for row in (("sample", new), ("training example", old))]
        )
    }


def _of_vectors(source: Dataset, draws: Draws) -> tuple[Measurements, Told | None]:
    """Their figures, and what tells their classes if these are modes."""
    test, classes = draws.test, source.info.classes
    (numbers,) = source.info.shape
    if numbers == 1:
        return moments(draws.sets, draws.trained, test.inputs), None
    figures: Measurements = {}
    if numbers <= MOST_COORDINATES:
        figures["Fréchet distance"] = compared(
            [frechet(each, test.inputs) for each in draws.sets],
            [frechet(each, test.inputs) for each in draws.trained],
            sum(map(len, draws.sets)),
        )
    if not classes:
        return figures, None
    modes = Modes.of(source.train[:], len(classes))
    if not modes.separate(test):
        return figures, None
    return figures | on_modes(modes, draws.sets, source.train[:], test, classes), modes.told


def _copying(source: Dataset, draws: Draws, judge: Judge | None) -> dict[str, Any]:
    known, info = source.train.inputs, source.info
    most = affordable(known)
    test = source.test.evenly_spaced(min(most, len(draws.test.labels)))
    found = closeness(draws.sets[0][:most], test.inputs, known)
    if judge is None and are_pictures(info.shape, info.dtype):
        notes = [found["note"]] if "note" in found else []
        found["note"] = "; ".join([*notes, f"there is no judge for {info.name} to say more"])
    return found
