"""How well a linear probe tells classes apart by the features, beside the same by the inputs."""

from __future__ import annotations

import torch

from rockfall import Batch, Dataset, Measurements, measurement
from rockfall_capabilities.encodes.features import baseline_name, features, labelled_examples
from rockfall_capabilities.encodes.probe import probe
from rockfall_capabilities.encodes.protocol import Encodes

MAX_TRAIN_EXAMPLES = 10_000
"""Training examples that a probe is fitted to."""
MAX_VALIDATION_EXAMPLES = 2_500
"""Validation examples that choose its penalty: a strength is ten times the one before, so that
which is best shows in few of them.
"""
MAX_NUMBERS = 10_000 * 3 * 32 * 32
"""Numbers that the training examples' inputs may have together: of larger pictures than CIFAR's,
fewer are taken.
"""

WITHHELD = "the class is withheld from the features, so a low accuracy is what they are for"


def evaluate(
    model: Encodes, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """`probe accuracy`: on the test split, of a linear probe of the features, and of one of the
    inputs.

    A model of patches is probed on the whole pictures. There is no measurement without two classes.
    """
    data = labelled_examples(source)
    info = data.info
    if len(info.classes) < 2:
        return {}
    affordable = max(1, MAX_NUMBERS // torch.Size(info.shape).numel())
    parts = (
        data.train.evenly_spaced(min(MAX_TRAIN_EXAMPLES, affordable)),
        data.validation.evenly_spaced(MAX_VALIDATION_EXAMPLES),
        data.test.evenly_spaced(limit),
    )
    if len(parts[0].labels.unique()) < 2:
        return {}
    encoded = (Batch(features(model, source, part.inputs), part.labels) for part in parts)
    found = measurement(probe(*encoded), {baseline_name(data): probe(*parts)})
    if getattr(model, "withholds_class", False):
        found["note"] = WITHHELD
    return {"probe accuracy": found}
