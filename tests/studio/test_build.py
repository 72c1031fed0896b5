"""Build's asks: what layers make of a picture, as torch would."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

import rockfall
from rockfall import UsageError
from rockfall.kit.layers import BLOCKS, LayerText
from rockfall.plugin import registry
from rockfall_studio.views import build
from tests.studio.conftest import Asking


def test_models_are_found_by_the_type_of_a_setting(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's, too: whatever it is called, and whatever its setting is called."""

    class Stranger:
        class Config(rockfall.Config):
            width: int = 3
            stack: LayerText = "relu"

    entry = registry().models.find("mlp")
    build._with_layers.cache_clear()
    with monkeypatch.context() as patch:
        load = type(entry.spec).load
        patch.setattr(
            type(entry.spec),
            "load",
            lambda spec, *given: Stranger if spec.name == "mlp" else load(spec, *given),
        )
        found = asking("build.blocks").data["models"]
    build._with_layers.cache_clear()
    assert {"model": "mlp", "setting": "stack"} in found
    ours = asking("build.blocks").data
    assert ours["models"] and {"model": "mlp", "setting": "stack"} not in ours["models"]
    assert [block["name"] for block in ours["blocks"]] == list(BLOCKS)


def stack(asking: Asking, layers: str, **more: Any) -> Any:
    model = asking("build.blocks").data["models"][0]["model"]
    return asking("build.stack", model=model, layers=layers, **more).data


def test_sizes_and_parameters_are_those_of_the_model_that_is_trained(asking: Asking) -> None:
    layers = "conv 8 3x3 / batchnorm / relu / avgpool 2 / linear 20 / dropout 0.5"
    found = stack(asking, layers, batch_size=100)
    entry = registry().models.find(asking("build.blocks").data["models"][0]["model"])
    kind = entry.spec.load()
    info = rockfall.open_source("digits").info
    model = kind(kind.Config(layers=layers), info)
    assert found["parameters"] == sum(p.numel() for p in model.network.parameters())
    kept = [m for m in model.network if not isinstance(m, nn.Flatten)]
    made = [layer for layer in found["layers"] if layer["text"] != "flatten"]
    assert [layer["parameters"] for layer in made] == [
        sum(p.numel() for p in module.parameters()) for module in kept
    ]
    assert found["input"] == info.shape and found["classes"] == 10 and found["error"] is None
    assert found["batches"] == -(-info.sizes["train"] // 100)
    assert [layer["number"] for layer in found["layers"]] == [1, 2, 3, 4, 5, 5, 6, 7]


def test_a_stack_that_can_not_be_is_explained_at_its_block(asking: Asking) -> None:
    found = stack(asking, "conv 8 3x3 / maxpool 2 / maxpool 9 / relu")
    assert [layer["shape"] for layer in found["layers"]] == [(8, 6, 6), (8, 3, 3)]
    assert found["error"] == {
        "number": 3,
        "reason": "a 3 × 3 feature map is too small for a 9 × 9 kernel",
    }


def test_an_empty_stack_says_what_to_write(asking: Asking) -> None:
    assert "conv 16 5x5" in stack(asking, "")["error"]["reason"]


def test_the_source_and_its_options_decide_the_input(asking: Asking) -> None:
    assert stack(asking, "relu", options={"size": "20"})["input"] == (1, 20, 20)
    assert stack(asking, "relu", options={"classes": "3,5"})["classes"] == 2


def test_large_stacks_take_no_memory_and_too_large_ones_are_refused(asking: Asking) -> None:
    wide = stack(asking, "linear 90000 / relu / linear 1000 / relu")
    assert wide["parameters"] > 90_000_000
    assert "more than" in stack(asking, "linear 999999 / linear 999999 / relu")["error"]["reason"]
    with pytest.raises(UsageError, match="take fewer"):
        stack(asking, "relu/" * 300)


def test_a_source_without_pictures_is_refused(asking: Asking) -> None:
    with pytest.raises(UsageError, match="none of these"):
        stack(asking, "relu", source="ring")
