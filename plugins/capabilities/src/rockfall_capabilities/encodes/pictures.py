"""A map of test examples by their features."""

from __future__ import annotations

from PIL import Image

from rockfall import Dataset
from rockfall.kit.drawing import are_pictures
from rockfall_capabilities.encodes.features import features
from rockfall_capabilities.encodes.latent_map import latent_map
from rockfall_capabilities.encodes.projection import choose_projection, project
from rockfall_capabilities.encodes.protocol import Encodes

MAX_EXAMPLES = 1_000
"""Test examples on the map."""


def pictures(model: Encodes, source: Dataset) -> dict[str, Image.Image]:
    """`latent`: some of the test split, by their features.

    There is no map of one feature or of fewer than three examples, nor of patches, of which a
    model's features say little one by one.
    """
    part, info = source.test.evenly_spaced(MAX_EXAMPLES), source.info
    if source.whole is not None or len(part.labels) < 3:
        return {}
    found = features(model, source, part.inputs)
    if found.shape[1] < 2:
        return {}
    projection = choose_projection(found)
    points = project(found, projection)
    title = f"{len(found):,} test examples by their features"
    shown = part.inputs if are_pictures(info.shape, info.dtype) else None
    return {"latent": latent_map(title, projection, points, part.labels, info.classes, shown)}
