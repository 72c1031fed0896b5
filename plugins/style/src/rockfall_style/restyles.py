"""`restyles`: gives one picture the style of another. Its figures say how far what it made is from
that style, and from what the picture showed.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall import Measurements, Picture, fork_rng, measurement

NAMES = ("style loss", "content loss")


@runtime_checkable
class Restyles(Protocol):
    """Gives one picture the style of another."""

    def paint(self, height: int, width: int, /) -> Tensor:
        """(3, height, width) uint8."""

    def distances(self, photo: Tensor, pictures: Tensor, /) -> tuple[Tensor, Tensor]:
        """Of pictures (N, 3, H, W) uint8 the style losses (N,), and the content losses (N,) beside
        `photo` (3, H, W) uint8. May read the files that its settings name.
        """


def evaluate(
    model: Restyles, source: Picture, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """The style and the content loss of the painting, beside those of the photo as it was and of
    noise. 0 is the style itself, and the photo itself.
    """
    _, height, width = source.info.shape
    with fork_rng(seed):
        noise = torch.randint_like(source.pixels, 256)
    shown = torch.stack((model.paint(height, width).to(noise.device), source.pixels, noise))
    return {
        name: measurement(losses[:1], {"photo": losses[1:2], "noise": losses[2:]})
        for name, losses in zip(NAMES, model.distances(source.pixels, shown), strict=True)
    }


def check(model: Restyles, source: Picture) -> None:
    """Distances are finite, one a picture, and none is as near to the photo's content as it is."""
    shown = torch.stack((source.pixels, 255 - source.pixels))
    style, content = model.distances(source.pixels, shown)
    for name, losses in zip(NAMES, (style, content), strict=True):
        assert losses.shape == (2,), f"{name} of two pictures is {tuple(losses.shape)}"
        assert losses.isfinite().all(), f"{name} must be finite"
        assert (losses >= 0).all(), f"{name} is below 0"
    assert content[0] == 0, "the content loss of the photo itself must be 0"
    assert content[1] > 0, "the content loss of its negative must be more than 0"
