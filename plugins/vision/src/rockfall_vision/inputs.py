"""Preprocessing of pictures: standardisation, and the size that a network takes.

The rule for sizes, in one place for every network here:

1. a picture whose longer side exceeds the largest that the network takes is reduced to it;
2. one whose longer side falls more than an eighth short of the smallest is enlarged to it;
3. what is then still short of the smallest is padded evenly with copies of the border pixels.

Height and width are scaled alike (bilinear interpolation, antialiased). So 28 × 28 on a network for
32 × 32 is padded by 2 and not blurred, as in LeCun et al. 1998 (section II.B), and 8 × 8 is
enlarged.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall

MAX_PADDING = 8
"""A side that is short by at most one part in so many is padded; more padding is wasted work."""


class ResizeAndPad(nn.Module):
    """(N, C, H, W) float → (N, C, H', W') with both sides from `smallest` to `largest`."""

    def __init__(self, shape: tuple[int, ...], smallest: int, largest: int | None = None) -> None:
        """shape: (C, H, W) of the pictures. largest: `smallest` if not given.

        Raises ValueError for a shape that is not (C, H, W), and for pictures so long that the
        shorter side would be reduced to nothing.
        """
        super().__init__()
        if len(shape) != 3:
            raise ValueError(f"this network takes pictures (C, H, W), not inputs of shape {shape}")
        _, height, width = shape
        sides = height, width
        largest = largest or smallest
        longer = max(sides)
        scale = 1.0
        if longer > largest:
            scale = largest / longer
        elif longer * MAX_PADDING < smallest * (MAX_PADDING - 1):
            scale = smallest / longer
        self.size = tuple(round(side * scale) for side in sides)
        if min(self.size) < 1:
            raise ValueError(
                f"pictures of {height} × {width} are too long: reduced to {largest}, "
                "the shorter side would vanish"
            )
        self.resizes = self.size != sides
        top, left = (max(0, smallest - side) // 2 for side in self.size)
        bottom, right = (
            max(0, smallest - side) - before
            for side, before in zip(self.size, (top, left), strict=True)
        )
        self.padding = left, right, top, bottom

    def forward(self, pictures: Tensor) -> Tensor:
        if self.resizes:
            pictures = F.interpolate(pictures, self.size, mode="bilinear", antialias=True)
        if any(self.padding):
            pictures = F.pad(pictures, self.padding, mode="replicate")
        return pictures

    def extra_repr(self) -> str:
        return f"size={self.size}, padding={self.padding}"


class Standardise(nn.Module):
    """(N, C, H, W) uint8 → float32, each channel of mean 0 and standard deviation 1.

    Over the training split, whose statistics are in `info`. The deviation counts as 1 at least, so
    that a constant channel is not divided by 0.
    """

    def __init__(self, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        for name in ("mean", "std"):
            self.register_buffer(name, torch.tensor(info.statistics[name]).view(-1, 1, 1))
        self.std.clamp_(min=1.0)

    def forward(self, inputs: Tensor) -> Tensor:
        return (inputs.float() - self.mean) / self.std
