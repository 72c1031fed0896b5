"""The capability `restyles`: one picture in the style of another.

It is measured by the style and the content loss of the result, beside those of the photo and of
noise.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall import Measurements, Picture, fork_rng, measurement

NAMES = ("style loss", "content loss")


@runtime_checkable
class Restyles(Protocol):
    """Holds one picture in the style of another, which its setting `style` names."""

    def paint(self, height: int, width: int, /) -> Tensor:
        """(3, height, width) uint8."""

    def distances(self, photo: Tensor, pictures: Tensor, /) -> tuple[Tensor, Tensor]:
        """Style losses (N,) of pictures (N, 3, H, W) uint8, and their content losses (N,) relative
        to `photo` (3, H, W) uint8. May read the files that the settings name.
        """


def evaluate(
    model: Restyles, source: Picture, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """`style loss` and `content loss` of the result, beside those of the photo and of noise.

    The style picture has a style loss of 0, and the photo a content loss of 0.
    """
    _, height, width = source.info.shape
    with fork_rng(seed):
        noise = torch.randint_like(source.pixels, 256)
    compared = torch.stack((model.paint(height, width).to(noise.device), source.pixels, noise))
    return {
        name: measurement(losses[:1], {"photo": losses[1:2], "noise": losses[2:]})
        for name, losses in zip(NAMES, model.distances(source.pixels, compared), strict=True)
    }


def check(model: Restyles, source: Picture) -> None:
    """Losses are finite, one for each picture, and the content loss is 0 for the photo alone."""
    compared = torch.stack((source.pixels, 255 - source.pixels))
    style, content = model.distances(source.pixels, compared)
    for name, losses in zip(NAMES, (style, content), strict=True):
        assert losses.shape == (2,), f"{name} of two pictures is {tuple(losses.shape)}"
        assert losses.isfinite().all(), f"{name} must be finite"
        assert (losses >= 0).all(), f"{name} is below 0"
    assert content[0] == 0, "the content loss of the photo itself must be 0"
    assert content[1] > 0, "the content loss of its negative must be more than 0"
