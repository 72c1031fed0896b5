"""Tiles of weights and pictures, and words on a page."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from rockfall.kit.drawing.colours import diverging
from rockfall.kit.drawing.layout import page, words
from rockfall.kit.drawing.tiles import MOST_TILES, enlarged, weight_tile, weight_tiles
from tests.capabilities.pictured import pixels


def test_a_tile_of_weights_is_symmetric_about_0() -> None:
    values = torch.tensor([[[-2.0, 0.0, 1.0, 2.0]]])
    tile = pixels(weight_tile(values))[0]
    assert tile[1].tolist() == [255, 255, 255]
    assert tile[0, 0] > tile[0, 2] + 50  # orange
    assert tile[3, 2] > tile[3, 0] + 50  # blue
    assert tile[2].tolist() == pixels(weight_tile(values / 2))[0, 2].tolist()  # its own scale
    flipped = pixels(weight_tile(-values))[0]
    assert flipped[0].tolist() == tile[3].tolist()
    colour = torch.zeros(3, 1, 2)
    colour[0, 0, 0], colour[2, 0, 1] = 4.0, -2.0
    assert pixels(weight_tile(colour))[0].tolist() == [[255, 128, 128], [128, 128, 64]]
    assert pixels(weight_tile(torch.zeros(1, 2, 2))).min() == 255


def test_orange_and_blue_grow_darker_from_0() -> None:
    ramp = diverging(np.linspace(0, 1, 50)).astype(int).sum(1)
    assert (np.diff(ramp) <= 0).all()
    other = diverging(np.linspace(0, -1, 50)).astype(int).sum(1)
    assert (np.diff(other) <= 0).all()
    assert abs(ramp - other).max() < 120  # one is not louder than the other


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (6, 1, 5, 5), (24, 3, 2, 2), (500, 1, 28, 28)])
def test_weights_fit_on_a_page(shape: tuple[int, ...]) -> None:
    image = weight_tiles(torch.randn(shape, generator=torch.Generator().manual_seed(0)))
    assert image.width < 1300
    if shape[0] > MOST_TILES:
        cut = weight_tiles(torch.zeros(MOST_TILES, *shape[1:]))
        assert image.height > cut.height  # it says how many more there are


def test_large_pictures_are_made_smaller_and_small_ones_stay_sharp() -> None:
    assert enlarged(Image.new("L", (500, 250)), 100).size == (100, 50)
    checks = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8))
    assert np.unique(pixels(enlarged(checks, 97))).tolist() == [0, 255]
    assert enlarged(Image.new("L", (1, 300)), 100).size == (1, 100)


@pytest.mark.long
def test_words_are_cut_to_their_room() -> None:
    assert words("a name that is much too long", width=80).width <= 80
    assert words("abc", width=80).width < 40
    assert words("0").height == words("gÄy").height
    assert page("a long title " * 99, "", words("short")).width < 600
