"""LeNet-5 has the sizes of the paper's figure 2, on pictures of any size."""

from __future__ import annotations

import pytest
import torch

from rockfall_vision.lenet import Lenet5, Lenet5Plus
from tests.vision.sources import info

FIGURE_2 = [
    (1, 32, 32),
    (6, 28, 28),  # C1
    (6, 14, 14),  # S2
    (16, 10, 10),  # C3
    (16, 5, 5),  # S4
    (120,),  # C5
    (84,),  # F6
    (10,),
]


@pytest.mark.parametrize("side", [8, 28, 32, 64])
def test_sizes_of_figure_2(side: int) -> None:
    model = Lenet5(Lenet5.Config(), info((1, side, side)))
    layers = model.layers(torch.zeros(2, 1, side, side, dtype=torch.uint8))
    sizes = [
        tuple(values.shape[1:]) for name, values in layers.items() if not name.endswith("ReLU")
    ]
    assert sizes == FIGURE_2


def test_plus_keeps_the_sizes_of_its_layers() -> None:
    model = Lenet5Plus(Lenet5Plus.Config(), info((3, 28, 28)))
    layers = model.layers(torch.zeros(2, 3, 28, 28, dtype=torch.uint8))
    maps = [values.shape[2] for name, values in layers.items() if values.ndim == 4]
    assert list(dict.fromkeys(maps)) == [32, 28, 14, 10, 5]
    units = [values.shape[1] for name, values in layers.items() if "Linear" in name]
    assert units == [120, 84, 10]


def test_plus_classifies_a_picture_whatever_its_batch() -> None:
    """Batch normalisation is by running averages, not by the batch."""
    model = Lenet5Plus(Lenet5Plus.Config(), info((1, 8, 8))).eval()
    pictures = torch.randint(256, (5, 1, 8, 8), dtype=torch.uint8)
    torch.testing.assert_close(model.classify(pictures)[:1], model.classify(pictures[:1]))
