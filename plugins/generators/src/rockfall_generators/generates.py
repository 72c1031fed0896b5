"""`generates`: generates examples that should be indistinguishable from the data. Its figures
measure how far they are from that: in the features of a classifier, class by class, and by
memorisation.

Every figure stands beside the same of real examples. Where three sets of samples are drawn, its
error is that of their mean.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from PIL import Image
from torch import Tensor

from rockfall import Dataset, fork_rng
from rockfall.kit.drawing import are_pictures, sheet
from rockfall.kit.measurements import Measurements, measurement
from rockfall_generators.coverage import class_agreement
from rockfall_generators.distances import frechet
from rockfall_generators.evaluation_samples import (
    EvaluationSamples,
    draw_evaluation_samples,
    measurement_of_sets,
)
from rockfall_generators.feature_classifier import feature_classifier_of
from rockfall_generators.feature_metrics import feature_metrics
from rockfall_generators.modes import Modes, mode_metrics
from rockfall_generators.moments import moments
from rockfall_generators.neighbours import affordable_queries, memorisation, nearest_neighbours
from rockfall_generators.picture_metrics import picture_metrics
from rockfall_generators.protocol import Generates, GeneratesByClass
from rockfall_generators.sliced import sliced_wasserstein

MIN_FINITE = 2
"""Finite samples without which nothing else is measured."""
MAX_COORDINATES = 1000
"""Dimension of vectors up to which their covariance is compared; its roots take a second then."""
CONVINCING, FORGOTTEN = 0.5, 0.1
"""Shares of the training examples' precision from which on, and of their recall up to which,
samples have collapsed to a few kinds of examples."""
MIN_BASELINE = 1e-3
"""Of few examples precision and recall may be 0, by which nothing is divided."""
MAX_BY_CLASS = 1000
"""Samples that are asked for by class."""
SAMPLES = 64
"""As many as the picture `samples` shows, so that those beside their neighbours are the first of
it: a model may make other examples when asked for fewer.
"""
COLUMNS, ROWS = 12, 3

Classify = Callable[[Tensor], Tensor]
"""Inputs (N, …) → labels (N,) int64 of the source's classes, −1 for none of them."""


def evaluate(
    model: Generates, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """What is measured of pictures by a feature classifier, of vectors, and of anything.

    limit: samples of a set, and test examples, at most. Raises RockfallError for a damaged
    classifier.
    """
    samples = draw_evaluation_samples(model, source, seed, limit)
    figures: Measurements = {}
    if not samples.finite.all():
        share = measurement(samples.finite.double(), {})
        share["note"] = "the others are NaN or infinite; every other figure leaves them out"
        figures["finite samples"] = share
    if int(samples.finite.sum()) < MIN_FINITE:
        return figures
    classifier = feature_classifier_of(source.info)
    classify: Classify | None = None
    if classifier is not None:
        figures |= feature_metrics(classifier, samples, source)
        classify = classifier.classify
    elif are_pictures(source.info.shape, source.info.dtype):
        figures |= picture_metrics(samples, source)
    elif len(source.info.shape) == 1:
        of_vectors, classify = _vector_metrics(source, samples)
        figures |= of_vectors
    say_collapse(figures)
    if classify and isinstance(model, GeneratesByClass) and len(source.info.classes) > 1:
        test = source.test.evenly_spaced(min(MAX_BY_CLASS, len(samples.test.labels)))
        figures["class agreement"] = class_agreement(model, test, classify)
    return figures | {"nearest training neighbour": _memorisation(source, samples)}


def check(model: Generates, source: Dataset) -> None:
    """Its figures are numbers, and the seed decides them."""
    both = []
    for _ in range(2):
        with fork_rng(seed=0):
            both.append(json.dumps(evaluate(model, source, seed=0, limit=10), allow_nan=False))
    assert both[0] == both[1], "the same seed must give the same figures"


def pictures(model: Generates, source: Dataset) -> dict[str, Image.Image]:
    """Of pictures `neighbours`: samples, the first of those that `samples` shows, each above its
    nearest training example.
    """
    if not are_pictures(source.info.shape, source.info.dtype):
        return {}
    samples = model.sample(SAMPLES)[: COLUMNS * ROWS]
    train = source.train.inputs
    nearest = train[nearest_neighbours(samples, train).rows]
    pairs = zip(samples.split(COLUMNS), nearest.split(COLUMNS), strict=True)
    rows = [
        row
        for sample, neighbour in pairs
        for row in (("sample", sample), ("training example", neighbour))
    ]
    return {"neighbours": sheet(rows)}


def _vector_metrics(
    source: Dataset, samples: EvaluationSamples
) -> tuple[Measurements, Classify | None]:
    """The figures of vectors, and what classifies them if their classes are modes."""
    test, classes = samples.test, source.info.classes
    (numbers,) = source.info.shape
    if numbers == 1:
        return moments(samples.sets, samples.train_sets, test.inputs), None
    figures: Measurements = {
        "sliced Wasserstein distance": measurement_of_sets(
            [sliced_wasserstein(each, test.inputs) for each in samples.sets],
            [sliced_wasserstein(each, test.inputs) for each in samples.train_sets],
            sum(map(len, samples.sets)),
        )
    }
    if numbers <= MAX_COORDINATES:
        figures["Fréchet distance"] = measurement_of_sets(
            [frechet(each, test.inputs) for each in samples.sets],
            [frechet(each, test.inputs) for each in samples.train_sets],
            sum(map(len, samples.sets)),
        )
    if not classes:
        return figures, None
    train = source.train[:]
    modes = Modes.of(train, len(classes))
    if not modes.separate(test):
        return figures, None
    return figures | mode_metrics(modes, samples.sets, train, test, classes), modes.classify


def say_collapse(figures: Measurements) -> None:
    """Where precision is high and recall near 0, a note on both says what that means."""
    shares = [
        float(figures[name]["value"])
        / max(MIN_BASELINE, figures[name]["baselines"]["training examples"]["value"])
        for name in ("precision", "recall")
        if name in figures
    ]
    if len(shares) == 2 and shares[0] >= CONVINCING and shares[1] <= FORGOTTEN:
        figures["precision"]["note"] = "of few kinds of examples: see recall"
        figures["recall"]["note"] = (
            "mode collapse: samples look like real examples, but like the same few of them; "
            "precision alone flatters"
        )


def _memorisation(source: Dataset, samples: EvaluationSamples) -> dict[str, Any]:
    train = source.train.inputs
    most = affordable_queries(train)
    test = source.test.evenly_spaced(min(most, len(samples.test.labels)))
    return memorisation(samples.sets[0][:most], test.inputs, train)
