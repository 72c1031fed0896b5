"""What the conformance kit asks of a model that remembers."""

from __future__ import annotations

import torch

from rockfall import Dataset
from rockfall_sequences.remembers.protocol import Remembers


def check(model: Remembers, source: Dataset) -> None:
    """Values and norms of the right shape, finite, within their bounds, and always the same."""
    inputs = source.train.inputs[:5]
    steps = tuple(inputs.shape[:2])
    held = model.holds(inputs)
    assert held, "holds gave nothing"
    for name, values in held.items():
        shape = tuple(values.shape)
        assert shape[:2] == steps and len(shape) == 3, f"{name} gave {shape}, not (5, T, units)"
        assert torch.isfinite(values).all(), f"{name} is not finite"
        if name.endswith("gate"):
            assert ((values >= 0) & (values <= 1)).all(), f"{name} is not between 0 and 1"
    again = model.holds(inputs)
    assert all(torch.equal(held[name], again[name]) for name in held), "holds must be deterministic"
    norms = model.influence(inputs)
    assert norms.shape == steps, f"influence gave {tuple(norms.shape)}, not {steps}"
    assert (torch.isfinite(norms) & (norms >= 0)).all(), "norms must be finite, and not negative"
