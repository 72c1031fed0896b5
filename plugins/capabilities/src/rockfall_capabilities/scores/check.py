"""What the conformance kit asks of a model that scores."""

from __future__ import annotations

import torch

from rockfall import Dataset
from rockfall_capabilities.scores.protocol import Scores


def check(model: Scores, source: Dataset) -> None:
    """One finite number an input."""
    given = model.score(source.train.inputs[:5])
    assert given.shape == (5,), f"score gave shape {tuple(given.shape)}"
    assert torch.isfinite(given).all(), "scores must be finite"
