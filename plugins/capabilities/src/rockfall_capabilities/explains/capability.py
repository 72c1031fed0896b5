"""`explains`: shows its first weights, and what every layer makes of an input."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from PIL import Image
from torch import Tensor

from rockfall import Dataset
from rockfall.kit.drawing import are_pictures, weight_tiles
from rockfall_capabilities.explains.feature_maps import feature_maps


@runtime_checkable
class Explains(Protocol):
    """Shows what its layers do."""

    def layers(self, inputs: Tensor, /) -> dict[str, Tensor]:
        """Inputs (N, …) as the source gives them → name → activations (N, C', H', W') or (N, D).

        In order of depth.
        """

    def filters(self) -> Tensor:
        """The first layer's weights as pictures (F, C, H, W), C as the inputs have.

        Those of a fully-connected layer are in the inputs' shape: (F, D) for vectors.
        """


def check(model: Explains, source: Dataset) -> None:
    """Activations and weights of the right shape, finite, and the same for the same input."""
    inputs = source.train.inputs[:5]
    given = model.layers(inputs)
    assert given, "layers gave none"
    for name, activations in given.items():
        shape = tuple(activations.shape)
        assert len(shape) in (2, 4), f"layer {name} gave {shape}, neither (N, C, H, W) nor (N, D)"
        assert len(activations) == 5, f"layer {name} gave {shape} for 5 inputs"
        assert 0 not in shape, f"layer {name} gave {shape}, which is empty"
        assert torch.isfinite(activations).all(), f"layer {name} is not finite"
    again = model.layers(inputs)
    assert list(given) == list(again), "layers must have the same names each time"
    assert all(torch.equal(given[name], again[name]) for name in given), (
        "layers must be deterministic"
    )
    filters = model.filters()
    wanted = "(F, C, H, W)" if inputs.ndim == 4 else "(F, D)"
    assert filters.ndim == inputs.ndim, f"filters gave {tuple(filters.shape)}, not {wanted}"
    channels = inputs.shape[1]
    assert filters.shape[1] == channels, f"filters have {filters.shape[1]} channels, not {channels}"
    assert torch.isfinite(filters).all(), "filters must be finite"


def pictures(model: Explains, source: Dataset) -> dict[str, Image.Image]:
    """Of pictures, the first layer's weights, and the feature maps of the first test one."""
    if not are_pictures(source.info.shape, source.info.dtype):
        return {}
    seen, label = source.test[0]
    of = f" of {source.info.classes[int(label)]}" if source.info.classes else ""
    layers = {each: values[0] for each, values in model.layers(seen[None]).items()}
    return {
        "weights": weight_tiles(model.filters()),
        "layers": feature_maps(seen, layers, f"Layer by layer: a test picture{of}"),
    }
