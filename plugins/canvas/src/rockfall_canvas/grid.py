"""Feature grids of several resolutions, and a tiny network of rectified linear units upon them.

After Müller et al. 2022, "Instant Neural Graphics Primitives with a Multiresolution Hash Encoding":
learned features at the corners of grids, each finer than the one before by the same factor (section
3, equations 2 and 3), between which they are interpolated. A step changes only what lies about its
pixels, which is why it learns so fast. In the plane every corner can have features of its own, so
there is no need for a hash.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from rockfall_canvas.coordinates import Canvas
from rockfall_canvas.dense import rectified
from rockfall_canvas.exact import exactly

FEATURES = 8
"""A corner: what lies together in memory costs no more than one."""
COARSEST = 16
"""Corners along the longer side of the coarsest grid, as Müller et al. (table 1)."""


class Grid(nn.Module):
    """Coordinates (N, 2) of a canvas → colours (N, 3).

    finest: corners along the longer side of the finest of `levels` grids.
    """

    extent: Tensor

    def __init__(self, layers: int, hidden: int, levels: int, finest: int, canvas: Canvas) -> None:
        super().__init__()
        self.register_buffer("extent", torch.tensor((canvas.width, canvas.height)))
        self.tables = nn.ParameterList(
            torch.empty(1, FEATURES, *sides).uniform_(-1e-4, 1e-4)
            for sides in corners(levels, finest, canvas)
        )
        self.rest = rectified(FEATURES * levels, layers, hidden)

    def forward(self, places: Tensor) -> Tensor:
        with exactly(places.device):
            spread = (places / self.extent)[None, None]  # (1, 1, N, 2)
            found = [
                functional.grid_sample(table, spread, padding_mode="border", align_corners=True)
                for table in self.tables
            ]
            features = torch.cat(found, 1)[0, :, 0].T
        colours: Tensor = self.rest(features)
        return colours


def corners(levels: int, finest: int, canvas: Canvas) -> list[tuple[int, int]]:
    """Rows and columns of each grid, the coarsest first."""
    coarsest = min(COARSEST, finest)
    growth = (finest / coarsest) ** (1 / max(1, levels - 1))
    longer = [coarsest * growth**level for level in range(levels - 1)] + [finest]
    return [
        (max(2, round(side * canvas.height)), max(2, round(side * canvas.width))) for side in longer
    ]
