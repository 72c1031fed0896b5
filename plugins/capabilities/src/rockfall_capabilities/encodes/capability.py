"""`encodes`: turns inputs into features. Its figure is how well a linear probe tells classes apart
by them, beside the same by the inputs as they are. A finished run leaves a map of them.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from PIL import Image
from torch import Tensor

from rockfall import Batch, Dataset, Measurements, measurement
from rockfall.kit.drawing import are_pictures
from rockfall_capabilities.encodes.page import latent_page
from rockfall_capabilities.encodes.pooled import pooled
from rockfall_capabilities.encodes.probe import probe
from rockfall_capabilities.encodes.projection import places, way

BATCH = 1000
MOST_TRAINED = 10_000
"""Training examples that a probe is fitted to."""
MOST_VALIDATED = 2_500
"""Validation examples that choose its penalty: a strength is ten times the one before, so that
which is best shows in few of them.
"""
MOST_NUMBERS = 10_000 * 3 * 32 * 32
"""Numbers that those of the training examples' inputs may have: of larger pictures than CIFAR's,
fewer are taken.
"""
MOST_MAPPED = 1_000
"""Test examples on the map."""


@runtime_checkable
class Encodes(Protocol):
    """Turns inputs into features."""

    def encode(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → features (N, D)."""


def evaluate(
    model: Encodes, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """Accuracy on the test split of a linear probe of the features, and of one of the inputs.

    A model of patches is probed on the whole pictures. There is no figure without two classes.
    """
    data = told_apart(source)
    info = data.info
    if len(info.classes) < 2:
        return {}
    affordable = max(1, MOST_NUMBERS // torch.Size(info.shape).numel())
    parts = (
        data.train.evenly_spaced(min(MOST_TRAINED, affordable)),
        data.validation.evenly_spaced(MOST_VALIDATED),
        data.test.evenly_spaced(limit),
    )
    if len(parts[0].labels.unique()) < 2:
        return {}
    encoded = (Batch(features(model, source, part.inputs), part.labels) for part in parts)
    return {"probe accuracy": measurement(probe(*encoded), {raw(data): probe(*parts)})}


def check(model: Encodes, source: Dataset) -> None:
    """One finite feature vector an input, the same for the same input."""
    inputs = source.train.inputs[:5]
    given = model.encode(inputs)
    assert given.ndim == 2 and len(given) == 5, f"encode gave shape {tuple(given.shape)}"
    assert torch.isfinite(given).all(), "features must be finite"
    assert torch.equal(given, model.encode(inputs)), "encode must be deterministic"


def pictures(model: Encodes, source: Dataset) -> dict[str, Image.Image]:
    """`latent`: some of the test split at the places of their features.

    There is no map of one feature or of fewer than three examples, nor of patches, of which a
    model's features say little one by one.
    """
    part, info = source.test.evenly_spaced(MOST_MAPPED), source.info
    if source.whole is not None or len(part.labels) < 3:
        return {}
    found = features(model, source, part.inputs)
    if found.shape[1] < 2:
        return {}
    how = way(found)
    title = f"{len(found):,} test examples by their features"
    shown = part.inputs if are_pictures(info.shape, info.dtype) else None
    drawn = latent_page(title, how, places(found, how), part.labels, info.classes, shown)
    return {"latent": drawn}


def told_apart(source: Dataset) -> Dataset:
    """What is classified by a model's features of a source: of patches, the whole pictures."""
    return source if source.whole is None else source.whole


def raw(data: Dataset) -> str:
    """What the inputs are called where features are compared to them."""
    return "raw pixels" if are_pictures(data.info.shape, data.info.dtype) else "raw inputs"


def features(model: Encodes, source: Dataset, inputs: Tensor) -> Tensor:
    """Inputs (N, …) of `told_apart(source)` → features (N, D)."""
    if source.whole is not None:
        return pooled(model.encode, inputs, source.info.shape[-1], source.stride)
    return torch.cat([model.encode(part) for part in torch.split(inputs, BATCH)])
