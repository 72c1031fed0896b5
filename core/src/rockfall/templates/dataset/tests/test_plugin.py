"""The plugin keeps Rockfall's promises, and its points are where they should be."""

from typing import Any

import torch

import rockfall
from rockfall.testing import check_plugin


def test_conforms() -> None:
    check_plugin("rockfall-hello")


def test_without_noise_they_are_on_two_half_circles() -> None:
    data: Any = rockfall.open_source("hello", {"noise": 0, "count": 50})
    assert data.info.sizes == {"train": 50, "validation": 10, "test": 10}
    points, labels = data.train[:]
    for label, centre, side in ((0, (0.0, 0.0), 1), (1, (1.0, 0.5), -1)):
        from_centre = points[labels == label] - torch.tensor(centre)
        assert len(from_centre) == 25
        assert torch.allclose(from_centre.norm(dim=1), torch.ones(25))
        assert (side * from_centre[:, 1] >= 0).all()
