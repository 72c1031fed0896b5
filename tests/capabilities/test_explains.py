"""What is asked of a model that explains, and what is drawn of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rockfall.sources.dataset import Dataset, Split
from rockfall_capabilities.explains.check import check
from rockfall_capabilities.explains.feature_maps import feature_maps, layer_rows
from rockfall_capabilities.explains.pictures import pictures as explained
from tests.capabilities.pictured import dataset, pixels


class Layered:
    """Shows layers of the shapes that it is given, and filters."""

    def __init__(self, filters: Tensor, **layers: Any) -> None:
        self._filters, self._layers = filters, layers

    def layers(self, inputs: Tensor) -> dict[str, Tensor]:
        return {name: torch.ones(len(inputs), *shape) for name, shape in self._layers.items()}

    def filters(self) -> Tensor:
        return self._filters


@pytest.mark.parametrize("count", [1, 6, 26, 200, 3000])
def test_layers_fit_on_a_page(count: int) -> None:
    layers = {"maps": torch.rand(count, 9, 9), "one": torch.rand(count, 1, 1)}
    image = layer_rows(
        {**layers, "vector": torch.rand(count), "coarse": torch.rand(count).bfloat16()}
    )
    assert image.width < 900
    assert image.height < 700


def test_every_layer_has_its_row_and_its_own_scale() -> None:
    small, large = torch.full((2, 4, 4), 1e-3), torch.full((2, 4, 4), 1e3)
    both = pixels(layer_rows({"x": small, "y": large}))
    one = pixels(layer_rows({"x": large}))
    assert np.array_equal(both[: len(one)], one)
    dark = (both.sum(2) < 300).all(1)
    assert (np.diff(dark.astype(int)) == 1).sum() <= 2
    assert not np.array_equal(one, pixels(layer_rows({"x": -large})))


def test_a_model_that_explains_is_drawn() -> None:
    model = Layered(torch.randn(4, 1, 3, 3), conv=(4, 4, 4), out=(3,))
    check(model, dataset())
    assert list(explained(model, dataset())) == ["weights", "layers"]


def test_a_picture_of_no_class_is_named_so() -> None:
    model = Layered(torch.randn(4, 1, 3, 3), out=(3,))
    splits = dataset().splits
    drawn = explained(model, Dataset("unlabelled", splits, kinds=("pictures",)))["layers"]
    seen = splits["test"].inputs[0]
    title = "Layer by layer: a test picture"
    assert np.array_equal(pixels(drawn), pixels(feature_maps(seen, {"out": torch.ones(3)}, title)))


def test_what_a_model_of_vectors_does_is_not_drawn() -> None:
    split = Split(torch.rand(9, 5), torch.full((9,), -1))
    source = Dataset(
        "vectors", dict.fromkeys(("train", "validation", "test"), split), kinds=("vectors",)
    )
    model = Layered(torch.randn(4, 5), hidden=(4,))
    check(model, source)
    assert explained(model, source) == {}
    for wrong, complaint in (((4, 1, 5), r"not \(F, D\)"), ((4, 6), "6 channels, not 5")):
        with pytest.raises(AssertionError, match=complaint):
            check(Layered(torch.randn(wrong), hidden=(4,)), source)


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        (Layered(torch.zeros(4, 1, 3, 3)), "layers gave none"),
        (Layered(torch.zeros(4, 1, 3, 3), a=(2, 3)), "layer a gave"),
        (Layered(torch.zeros(4, 1, 3, 3), a=(0,)), "which is empty"),
        (Layered(torch.zeros(4, 9), a=(2,)), r"not \(F, C, H, W\)"),
        (Layered(torch.zeros(4, 2, 3, 3), a=(2,)), "filters have 2 channels, not 1"),
        (Layered(torch.full((4, 1, 3, 3), torch.nan), a=(2,)), "filters must be finite"),
    ],
)
def test_what_a_model_that_explains_must_give(model: Layered, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check(model, dataset())
