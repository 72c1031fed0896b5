"""What the conformance kit asks of a model that explains."""

from __future__ import annotations

import torch

from rockfall import Dataset
from rockfall_capabilities.explains.protocol import Explains


def check(model: Explains, source: Dataset) -> None:
    """Activations and weights of the right shape, finite, and the same for the same input."""
    inputs = source.train.inputs[:5]
    given = model.layers(inputs)
    assert given, "layers gave none"
    for name, activations in given.items():
        shape = tuple(activations.shape)
        assert len(shape) in (2, 4), f"layer {name} gave {shape}, neither (N, C, H, W) nor (N, D)"
        assert len(activations) == 5, f"layer {name} gave {shape} for 5 inputs"
        assert 0 not in shape, f"layer {name} gave {shape}, which is empty"
        assert torch.isfinite(activations).all(), f"layer {name} is not finite"
    again = model.layers(inputs)
    assert list(given) == list(again), "layers must have the same names each time"
    assert all(torch.equal(given[name], again[name]) for name in given), (
        "layers must be deterministic"
    )
    filters = model.filters()
    wanted = "(F, C, H, W)" if inputs.ndim == 4 else "(F, D)"
    assert filters.ndim == inputs.ndim, f"filters gave {tuple(filters.shape)}, not {wanted}"
    channels = inputs.shape[1]
    assert filters.shape[1] == channels, f"filters have {filters.shape[1]} channels, not {channels}"
    assert torch.isfinite(filters).all(), "filters must be finite"
