"""What the conformance kit asks of a model that paints."""

from __future__ import annotations

import torch

from rockfall import Picture
from rockfall_capabilities.paints.protocol import Paints


def check(model: Paints, source: Picture) -> None:
    """Pictures of the sizes that were asked for, and the same each time."""
    _, height, width = source.info.shape
    for size in ((height, width), (7, 5), (1, 1)):
        painted = model.paint(*size)
        assert painted.shape == (3, *size), f"paint{size} gave {tuple(painted.shape)}"
        assert painted.dtype == torch.uint8, f"paint gave {painted.dtype}"
        assert torch.equal(painted, model.paint(*size)), "paint must be deterministic"
