"""The map of a model's features: examples as dots, and as pictures where their dots are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from rockfall.kit.drawing import (
    SHARPNESS,
    Plane,
    beside,
    class_colour,
    enlarged,
    framed,
    framed_plane,
    page,
    plane_of,
    scatter,
)
from rockfall.kit.pictures import to_image
from rockfall_capabilities.encodes.projection import Projection

TILE = 28
"""Pixels from the middle of one picture to the next one's."""
GAP = 2
CELLS = 20
SIDE = CELLS * TILE
NOTES: dict[Projection, str] = {
    "identity": "The axes are its two features.",
    "pca": "The axes are the two directions in which its features differ most (PCA).",
    "tsne": "Examples with like features are neighbours (t-SNE); distances tell little else.",
}


def latent_map(
    title: str,
    projection: Projection,
    projected: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    pictures: Tensor | None = None,
) -> Image.Image:
    """Examples at their points (N, 2), coloured by their labels (N,), −1 for none.

    pictures: (N, C, H, W) uint8 of the examples, of which as many are shown as there is room for.
    """
    maps = [scatter("each example", projected, labels, classes, side=SIDE)]
    if pictures is not None:
        maps.append(_tiled(projected, labels, pictures))
    return page(title, NOTES[projection], beside(maps, 0))


def nearest_to_cells(projected: Tensor, plane: Plane, cells: int) -> dict[tuple[int, int], int]:
    """A square plane cut into `cells` rows, the highest first, and columns: for each cell that has
    any, which of the points (N, 2) in it is nearest to its middle.
    """
    low = torch.tensor([plane[0][0], plane[1][0]], dtype=torch.double)
    width = (plane[0][1] - plane[0][0]) / cells
    shares = (projected.double().cpu() - low) / width
    cell = shares.floor().clamp(0, cells - 1)
    order = (shares - cell - 0.5).square().sum(1).argsort(stable=True).tolist()
    across, up = cell.long().unbind(1)
    found: dict[tuple[int, int], int] = {}
    for example in order:
        found.setdefault((cells - 1 - int(up[example]), int(across[example])), example)
    return found


def _tiled(projected: Tensor, labels: Tensor, pictures: Tensor) -> Image.Image:
    plane = plane_of(projected.double().cpu())
    chosen = nearest_to_cells(projected, plane, CELLS)
    across = f"{len(chosen):,} of {len(projected):,} examples"
    page, chart = framed_plane("some of them", across, plane, SIDE)
    page = page.reduce(SHARPNESS)
    for (row, column), example in chosen.items():
        picture = enlarged(to_image(pictures[example]), TILE - 2 - GAP)
        tile = framed(picture, class_colour(int(labels[example])))
        left = chart.left + column * TILE + (TILE - tile.width) // 2
        page.paste(tile, (left, chart.top + row * TILE + (TILE - tile.height) // 2))
    return page
