"""Which observations are grids of cells, and how their axes lie."""

from __future__ import annotations

from torch import Tensor


def is_grid(shape: tuple[int, ...]) -> bool:
    return len(shape) in (2, 3, 4)


class Grids:
    """Grids (H, W), (C, H, W), (H, W, C), or frames of these, (F, …), as (C, H, W).

    Of three axes, the shorter of the first and the last is taken for the channels. The channels of
    stacked frames lie one after the other.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        """channels, sides: those of (C, H, W)."""
        self.stacked = len(shape) == 4
        self.frames, shape = (shape[0], shape[1:]) if self.stacked else (1, shape)
        self.without_channels = len(shape) == 2
        self.channels_last = len(shape) == 3 and shape[2] < shape[0]
        channels, *sides = (1, *shape) if self.without_channels else shape
        if self.channels_last:
            channels, *sides = shape[2], *shape[:2]
        self.channels = channels * self.frames
        self.sides: list[int] = list(sides)

    def __call__(self, grids: Tensor) -> Tensor:
        """(N, *shape) → (N, C, H, W)."""
        if self.stacked:
            grids = grids.flatten(0, 1)
        if self.without_channels:
            grids = grids.unsqueeze(1)
        elif self.channels_last:
            grids = grids.movedim(-1, 1)
        if self.stacked:
            grids = grids.unflatten(0, (-1, self.frames)).flatten(1, 2)
        return grids
