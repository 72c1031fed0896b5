"""Coordinates of pixel centres: (x, y) in [-1, 1], which the longer side spans."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Extent(NamedTuple):
    """A picture's sides relative to its longer one: x is in [-width, width], y in
    [-height, height].
    """

    height: float
    width: float

    @classmethod
    def of(cls, height: int, width: int) -> Extent:
        """The extent of a picture of `height` × `width` pixels."""
        longer = max(height, width)
        return cls(height / longer, width / longer)

    def coordinates(self, indices: Tensor, height: int, width: int) -> Tensor:
        """The centres of pixels when this extent is rendered at `height` × `width` pixels, whose
        aspect ratio may differ from the extent's.

        indices: (N,) int64, row-major pixel indices from 0 at the upper left. Returns (N, 2)
        float32: x, which points right, and y, which points down.
        """
        columns, rows = indices % width, indices // width
        x = ((2 * columns + 1) / width - 1) * self.width
        y = ((2 * rows + 1) / height - 1) * self.height
        return torch.stack((x, y), 1)
