"""One wide layer: what is left out while it learns is all there when it classifies."""

from __future__ import annotations

import torch

from rockfall_vision.wide import Wide
from tests.vision.sources import info


def test_leaves_out_while_it_learns_only() -> None:
    model = Wide(Wide.Config(units=50, hide=0.5), info((1, 8, 8)))
    pictures = torch.randint(256, (4, 1, 8, 8), dtype=torch.uint8)
    model.train()
    assert not model(pictures).equal(model(pictures))
    model.eval()
    assert model(pictures).equal(model(pictures))


def test_filters_are_pictures() -> None:
    model = Wide(Wide.Config(units=50), info((3, 8, 9)))
    assert model.filters().shape == (50, 3, 8, 9)
