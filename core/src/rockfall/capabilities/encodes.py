"""`encodes`: turns inputs into features. Its figure is how well a linear probe tells classes apart
by them, beside the same by the inputs as they are.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall.capabilities.figures import Figures, figure
from rockfall.capabilities.pooled import pooled
from rockfall.capabilities.probe import probe
from rockfall.display.sheets import are_pictures
from rockfall.sources.dataset import Batch, Dataset
from rockfall.sources.patches import Patches

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


@runtime_checkable
class Encodes(Protocol):
    """Turns inputs into features."""

    def encode(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → features (N, D)."""


def evaluate(
    model: Encodes, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Figures:
    """Accuracy on the test split of a linear probe of the features, and of one of the inputs.

    A model of patches is probed on the whole pictures. There is no figure without two classes.
    """
    data = source.whole if isinstance(source, Patches) else source
    info = data.info
    if len(info.classes) < 2:
        return {}
    affordable = max(1, MOST_NUMBERS // torch.Size(info.shape).numel())
    parts = (
        data.train.spread(min(MOST_TRAINED, affordable)),
        data.validation.spread(MOST_VALIDATED),
        data.test.spread(limit),
    )
    if len(parts[0].labels.unique()) < 2:
        return {}
    features = (Batch(_features(model, source, part.inputs), part.labels) for part in parts)
    name = "raw pixels" if are_pictures(info.shape, info.dtype) else "raw inputs"
    return {"probe accuracy": figure(probe(*features), {name: probe(*parts)})}


def check(model: Encodes, source: Dataset) -> None:
    """One finite feature vector an input, the same for the same input."""
    inputs = source.train.inputs[:5]
    given = model.encode(inputs)
    assert given.ndim == 2 and len(given) == 5, f"encode gave shape {tuple(given.shape)}"
    assert torch.isfinite(given).all(), "features must be finite"
    assert torch.equal(given, model.encode(inputs)), "encode must be deterministic"


def _features(model: Encodes, source: Dataset, inputs: Tensor) -> Tensor:
    if isinstance(source, Patches):
        return pooled(model.encode, inputs, source.info.shape[-1], source.stride)
    return torch.cat([model.encode(part) for part in torch.split(inputs, BATCH)])
