"""What the conformance kit asks of a model that classifies."""

from __future__ import annotations

import torch

from rockfall import Dataset
from rockfall_capabilities.classifies.protocol import Classifies


def check(model: Classifies, source: Dataset) -> None:
    """Probabilities: the right shape, in range, of sum one, the same for the same input."""
    inputs = source.train.inputs[:5]
    given = model.classify(inputs)
    classes = len(source.info.classes)
    assert given.shape == (5, classes), f"classify gave {tuple(given.shape)}, not (5, {classes})"
    assert ((given >= 0) & (given <= 1)).all(), "probabilities must lie between 0 and 1"
    sums = given.sum(1)
    assert torch.allclose(sums, torch.ones_like(sums), atol=1e-4), "they must sum to 1"
    assert torch.equal(given, model.classify(inputs)), "classify must be deterministic"
