"""How pictures are brought to a network: to values about 0, and to a size that it takes.

The rule for sizes, in one place for every network here:

1. a picture whose longer side exceeds the largest that the network takes is reduced to it;
2. one whose longer side falls more than an eighth short of the smallest is enlarged to it;
3. what is then still short of the smallest is framed evenly with copies of the border pixels.

Height and width are scaled alike (bilinear, antialiased). So 28 × 28 on a network for 32 × 32 is
framed by 2 and not blurred, as in LeCun et al. 1998 (section II.B), and 8 × 8 is enlarged.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall

SHORT = 8
"""What is short by at most one in so many is framed; more frame than that would be wasted work."""


class Fit(nn.Module):
    """(N, C, H, W) float → (N, C, H', W') with both sides from `smallest` to `largest`."""

    def __init__(self, shape: tuple[int, ...], smallest: int, largest: int | None = None) -> None:
        """shape: (C, H, W) of the pictures. largest: `smallest` if not given.

        Raises ValueError for what is not a picture, or so long that little of it would be left.
        """
        super().__init__()
        if len(shape) != 3:
            raise ValueError(f"this network sees pictures (C, H, W), not inputs of shape {shape}")
        _, height, width = shape
        sides = height, width
        largest = largest or smallest
        longer = max(sides)
        scale = 1.0
        if longer > largest:
            scale = largest / longer
        elif longer * SHORT < smallest * (SHORT - 1):
            scale = smallest / longer
        self.sides = tuple(round(side * scale) for side in sides)
        if min(self.sides) < 1:
            raise ValueError(
                f"pictures of {height} × {width} are too long: reduced to {largest}, "
                "the shorter side would vanish"
            )
        self.scaled = self.sides != sides
        up, left = (max(0, smallest - side) // 2 for side in self.sides)
        down, right = (
            max(0, smallest - side) - before
            for side, before in zip(self.sides, (up, left), strict=True)
        )
        self.frame = left, right, up, down

    def forward(self, pictures: Tensor) -> Tensor:
        if self.scaled:
            pictures = F.interpolate(pictures, self.sides, mode="bilinear", antialias=True)
        if any(self.frame):
            pictures = F.pad(pictures, self.frame, mode="replicate")
        return pictures

    def extra_repr(self) -> str:
        return f"sides={self.sides}, frame={self.frame}"


class Standardise(nn.Module):
    """(N, C, H, W) uint8 → float of mean 0 and deviation 1, a channel, over the training split."""

    def __init__(self, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        for name in ("mean", "std"):
            self.register_buffer(name, torch.tensor(info.statistics[name]).view(-1, 1, 1))
        self.std.clamp_(min=1.0)  # a channel that never changes

    def forward(self, inputs: Tensor) -> Tensor:
        return (inputs.float() - self.mean) / self.std
