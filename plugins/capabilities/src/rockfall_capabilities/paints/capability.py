"""`paints`: holds one picture, and paints it at any size. A finished run leaves the painting, and
one that shows its progress leaves some on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall.evaluation import looking
from rockfall.run.snapshots import leave_progress
from rockfall.sources.picture import Picture

if TYPE_CHECKING:
    from rockfall.run.run import Run

PAINTING = "painting"
"""What the pictures are called; those that a training leaves have its step, too."""
SHOWN = 384
"""Pixels along the longer side of what a training leaves on the way: to paint takes time."""


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


def show_progress(run: Run, model: Paints) -> None:
    """Leave the painting as it is by now, if it is time, as `pictures/painting-STEP.png`.

    For `fit` to call as often as it likes. The run is as before, but that it counts the calls.
    """

    def draw() -> Tensor:
        _, height, width = run.record.info["shape"]
        scale = min(1.0, SHOWN / max(height, width))
        with looking(model):
            return model.paint(max(1, round(height * scale)), max(1, round(width * scale)))

    leave_progress(run, PAINTING, draw)
