"""`paints`: holds one picture, and paints it at any size. A run leaves paintings on its way, and in
the end the finished one.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall import Picture

PAINTING = "painting"
"""What the pictures are called; those that a training leaves have its step, too."""
SNAPSHOT = 384
"""Pixels along the longer side of what a run leaves while it learns."""


@runtime_checkable
class Paints(Protocol):
    """Paints one picture at any size."""

    def paint(self, height: int, width: int, /) -> Tensor:
        """(3, height, width) uint8; always the same at the same size."""


def check(model: Paints, source: Picture) -> None:
    """Of the sizes asked for, and the same each time."""
    _, height, width = source.info.shape
    for size in ((height, width), (7, 5), (1, 1)):
        painted = model.paint(*size)
        assert painted.shape == (3, *size), f"paint{size} gave {tuple(painted.shape)}"
        assert painted.dtype == torch.uint8, f"paint gave {painted.dtype}"
        assert torch.equal(painted, model.paint(*size)), "paint must be deterministic"


def pictures(model: Paints, source: Picture) -> dict[str, Tensor]:
    """The painting, as large as the picture that it learned from."""
    _, height, width = source.info.shape
    return {PAINTING: model.paint(height, width)}


def snapshots(model: Paints, source: Picture) -> dict[str, Tensor]:
    """The painting by now, smaller than the picture where that is large: to paint takes time."""
    _, height, width = source.info.shape
    scale = min(1.0, SNAPSHOT / max(height, width))
    return {PAINTING: model.paint(max(1, round(height * scale)), max(1, round(width * scale)))}
