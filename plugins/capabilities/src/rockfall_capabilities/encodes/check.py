"""What the conformance kit asks of a model that encodes."""

from __future__ import annotations

import torch

from rockfall import Dataset
from rockfall_capabilities.encodes.protocol import Encodes


def check(model: Encodes, source: Dataset) -> None:
    """One finite feature vector an input, the same for the same input."""
    inputs = source.train.inputs[:5]
    given = model.encode(inputs)
    assert given.ndim == 2 and len(given) == 5, f"encode gave shape {tuple(given.shape)}"
    assert torch.isfinite(given).all(), "features must be finite"
    assert torch.equal(given, model.encode(inputs)), "encode must be deterministic"
