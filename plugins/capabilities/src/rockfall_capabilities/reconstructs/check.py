"""What the conformance kit asks of a model that reconstructs."""

from __future__ import annotations

from rockfall import Dataset
from rockfall_capabilities.reconstructs.protocol import Reconstructs


def check(model: Reconstructs, source: Dataset) -> None:
    """Reconstructions have the shape and the type of the inputs."""
    inputs = source.train.inputs[:5]
    given = model.reconstruct(inputs)
    assert given.shape == inputs.shape, f"reconstruct gave {tuple(given.shape)}"
    assert given.dtype == inputs.dtype, f"reconstruct gave {given.dtype}, not {inputs.dtype}"
