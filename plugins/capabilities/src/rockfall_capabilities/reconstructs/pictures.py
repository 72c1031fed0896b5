"""Test pictures beside their reconstructions."""

from __future__ import annotations

from PIL import Image

from rockfall import Dataset
from rockfall.kit.drawing import are_pictures, in_pairs, sheet
from rockfall_capabilities.reconstructs.protocol import Reconstructs

SHOWN = 36


def pictures(model: Reconstructs, source: Dataset) -> dict[str, Image.Image]:
    """Of pictures `reconstructions`: some of the test split, each above its reconstruction."""
    if not are_pictures(source.info.shape, source.info.dtype):
        return {}
    inputs = source.test.evenly_spaced(SHOWN).inputs
    return {"reconstructions": sheet(in_pairs(inputs, model.reconstruct(inputs)))}
