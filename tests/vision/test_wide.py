"""One wide layer: dropout acts in training and not when it classifies."""

from __future__ import annotations

import torch

from rockfall_vision.wide import Wide
from tests.vision.sources import info


def test_dropout_acts_in_training_only() -> None:
    model = Wide(Wide.Config(units=50, input_dropout=0.5), info((1, 8, 8)))
    pictures = torch.randint(256, (4, 1, 8, 8), dtype=torch.uint8)
    model.train()
    assert not model(pictures).equal(model(pictures))
    model.eval()
    assert model(pictures).equal(model(pictures))


def test_filters_are_pictures() -> None:
    model = Wide(Wide.Config(units=50), info((3, 8, 9)))
    assert model.filters().shape == (50, 3, 8, 9)
