"""Interpolations between four test examples."""

from __future__ import annotations

from PIL import Image

from rockfall import Dataset
from rockfall.kit.drawing import are_pictures, below, beside, in_rows, page, sheet
from rockfall_capabilities.blends.interpolation import bilinear_weights, weighted_sums
from rockfall_capabilities.blends.protocol import Blends
from rockfall_capabilities.blends.representatives import representatives

SIDE = 8
"""Pictures along a side of the grid."""


def pictures(model: Blends, source: Dataset) -> dict[str, Image.Image]:
    """Of pictures `blends`: four test examples in the corners, of different classes if there are so
    many, and between them what the weighted sums of their latents decode to.
    """
    if not are_pictures(source.info.shape, source.info.dtype):
        return {}
    present = source.test.labels.unique().tolist()
    corners = representatives(source.test, [present[k * len(present) // 4] for k in range(4)])
    latents = model.latents(*corners)
    weights = bilinear_weights(SIDE).to(latents)
    decoded = model.decode(weighted_sums(latents, weights, spherical=model.spherical))
    grid = sheet(in_rows(decoded, SIDE))
    examples = [sheet(in_rows(picture)) for picture in corners.inputs.split(1)]
    room = grid.height - examples[0].height - examples[2].height
    left, right = (below([examples[k], examples[k + 2]], room) for k in (0, 1))
    note = (
        "In the corners: four test examples. Between: what the weighted sums of their latents "
        "decode to."
    )
    return {"blends": page("A walk through latent space", note, beside([left, grid, right], 12))}
