"""A multiresolution feature grid and a small MLP upon it.

After Müller et al. 2022, "Instant Neural Graphics Primitives with a Multiresolution Hash Encoding":
learned feature vectors at the vertices of grids, each finer than the one before by the same factor
(section 3, equations 2 and 3), are interpolated bilinearly and concatenated. A step changes only
the features around its pixels, which is why it learns so fast.

It differs from the paper in that it has no hash table: in two dimensions every vertex can have
features of its own. It has 6 levels of 8 features by default, not 16 of 2; and Adam's ε is
PyTorch's 1e-8, not 1e-15 (`painter.py`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from rockfall_canvas.coordinates import Extent
from rockfall_canvas.precision import without_autocast
from rockfall_canvas.relu_mlp import relu_layers

FEATURES = 8
"""Features of each vertex; these lie together in memory, so several cost no more than one."""
COARSEST = 16
"""Vertices along the longer side of the coarsest grid, N_min in Müller et al. (table 1)."""


class FeatureGrid(nn.Module):
    """Coordinates (N, 2) of an extent → colours (N, 3).

    layers, hidden: the MLP's hidden layers, and the units of each.
    levels: the number of grids.
    finest: vertices along the longer side of the finest grid, N_max.
    """

    extent: Tensor

    def __init__(self, layers: int, hidden: int, levels: int, finest: int, extent: Extent) -> None:
        super().__init__()
        self.register_buffer("extent", torch.tensor((extent.width, extent.height)))
        self.tables = nn.ParameterList(
            torch.empty(1, FEATURES, *resolution).uniform_(-1e-4, 1e-4)
            for resolution in resolutions(levels, finest, extent)
        )
        self.rest = relu_layers(FEATURES * levels, layers, hidden)

    def forward(self, coordinates: Tensor) -> Tensor:
        with without_autocast(coordinates.device):
            normalised = coordinates / self.extent
            features = torch.cat([interpolate(table, normalised) for table in self.tables]).T
        colours: Tensor = self.rest(features)
        return colours


def interpolate(table: Tensor, coordinates: Tensor) -> Tensor:
    """Features (1, F, H, W) at coordinates (N, 2), x and y from -1 to 1 → (F, N), bilinearly.

    The gradient of `grid_sample` is summed in any order on CUDA, so that no two runs are the same;
    where only deterministic algorithms are allowed, features are gathered one vertex at a time.
    """
    if coordinates.is_cuda and torch.are_deterministic_algorithms_enabled():
        return interpolate_by_gathering(table, coordinates)
    sampled = functional.grid_sample(
        table, coordinates[None, None], padding_mode="border", align_corners=True
    )
    return sampled[0, :, 0]


def interpolate_by_gathering(table: Tensor, coordinates: Tensor) -> Tensor:
    """What `interpolate` gives, but for rounding, by the four vertices around each place."""
    _, _, height, width = table.shape
    vertices = table[0].flatten(1)
    first, offsets = [], []
    for place, side in zip(coordinates.unbind(1), (width, height), strict=True):
        scaled = ((place + 1) / 2 * (side - 1)).clamp(0, side - 1)
        first.append(scaled.long().clamp(max=side - 2))
        offsets.append(scaled - first[-1])
    left_to_right, top_to_bottom = offsets
    upper_left = first[1] * width + first[0]
    upper, lower = (
        vertices.index_select(1, left).lerp(vertices.index_select(1, left + 1), left_to_right)
        for left in (upper_left, upper_left + width)
    )
    return upper.lerp(lower, top_to_bottom)


def resolutions(levels: int, finest: int, extent: Extent) -> list[tuple[int, int]]:
    """Rows and columns of vertices of each grid, the coarsest first."""
    coarsest = min(COARSEST, finest)
    growth = (finest / coarsest) ** (1 / max(1, levels - 1))
    longer = [coarsest * growth**level for level in range(levels - 1)] + [finest]
    return [
        (max(2, round(side * extent.height)), max(2, round(side * extent.width))) for side in longer
    ]
