"""A CNN from a text: refusals before anything is written, presets, filters."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import rockfall
from rockfall.config import split_preset
from rockfall.errors import UsageError
from rockfall_vision.convnet import Convnet
from tests.vision.sources import info


def build(text: str, shape: tuple[int, int, int] = (1, 8, 8), classes: int = 10) -> Convnet:
    return Convnet(Convnet.Config(layers=text), info(shape, classes))


def test_an_impossible_stack_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    text = "conv 8 3x3 / relu / maxpool 2 / maxpool 4"
    with pytest.raises(UsageError) as caught:
        rockfall.train("convnet", "digits", layers=text, out=tmp_path, listeners=[])
    assert str(caught.value) == (
        "convnet: layer 4 (maxpool 4): a 3 × 3 feature map is too small for a 4 × 4 kernel"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("preset", sorted(Convnet.presets))
def test_presets_fit_what_they_are_for(preset: str) -> None:
    shapes = {"cifar10": (3, 32, 32), "cifar100": (3, 32, 32), "tiny": (1, 8, 8)}
    shape = shapes.get(preset, (1, 28, 28))
    settings, _ = split_preset(Convnet.presets[preset])
    model = Convnet(Convnet.Config(**settings), info(shape))
    assert model(torch.zeros(2, *shape, dtype=torch.uint8)).shape == (2, 10)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("conv 5 3x3 / relu", (5, 3, 3, 3)),
        ("relu / conv 5 2x3 / conv 6 1", (5, 3, 2, 3)),
        ("linear 7 / relu / linear 9 / relu", (7, 3, 8, 12)),
        ("maxpool 2 / linear 7 / relu", (7, 3, 4, 6)),
        ("maxpool 2", (10, 3, 4, 6)),
    ],
)
def test_filters_are_pictures_of_what_the_first_weights_see(
    text: str, shape: tuple[int, ...]
) -> None:
    model = build(text, (3, 8, 12))
    assert model.filters().shape == shape
    assert model.filters().flatten().equal(next(model.network.parameters()).flatten())


def test_as_many_outputs_as_classes() -> None:
    assert build("relu", classes=4)(torch.zeros(3, 1, 8, 8, dtype=torch.uint8)).shape == (3, 4)


@pytest.mark.long
def test_learns_digits(tmp_path: Path) -> None:
    settings = {"epochs": 10, "batch_size": 64}
    run = rockfall.train("convnet", out=tmp_path, listeners=[], **settings)
    assert run.result is not None
    assert run.result["figures"]["test accuracy"]["value"] >= 0.95
