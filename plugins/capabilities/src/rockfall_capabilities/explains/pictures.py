"""The first layer's weights, and the feature maps of every layer."""

from __future__ import annotations

from PIL import Image

from rockfall import Dataset
from rockfall.kit.drawing import are_pictures, weight_tiles
from rockfall_capabilities.explains.feature_maps import feature_maps
from rockfall_capabilities.explains.protocol import Explains


def pictures(model: Explains, source: Dataset) -> dict[str, Image.Image]:
    """Of pictures, `weights` of the first layer, and `layers`: feature maps of a test picture."""
    if not are_pictures(source.info.shape, source.info.dtype):
        return {}
    picture, label = source.test[0]
    of = f" of {source.info.classes[int(label)]}" if source.info.classes else ""
    layers = {name: activations[0] for name, activations in model.layers(picture[None]).items()}
    return {
        "weights": weight_tiles(model.filters()),
        "layers": feature_maps(picture, layers, f"Layer by layer: a test picture{of}"),
    }
