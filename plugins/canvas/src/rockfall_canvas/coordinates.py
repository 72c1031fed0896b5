"""Where the pixels of a picture lie: (x, y) in [-1, 1], which the longer side spans."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Canvas(NamedTuple):
    """A picture's sides by its longer one: x lies in [-width, width], y in [-height, height]."""

    height: float
    width: float

    @classmethod
    def of(cls, height: int, width: int) -> Canvas:
        """Of a picture of so many pixels."""
        longer = max(height, width)
        return cls(height / longer, width / longer)

    def places(self, numbers: Tensor, height: int, width: int) -> Tensor:
        """The middles of pixels of this canvas painted height × width, of any proportions.

        numbers: (N,) int64, row by row from 0 in the upper left. Returns (N, 2) float32, x and y,
        which point right and down.
        """
        columns, rows = numbers % width, numbers // width
        x = ((2 * columns + 1) / width - 1) * self.width
        y = ((2 * rows + 1) / height - 1) * self.height
        return torch.stack((x, y), 1)
