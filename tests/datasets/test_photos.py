"""`photos`: crops of two photographs, from regions that do not overlap."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rockfall.errors import ConfigError
from rockfall.sources.dataset import Dataset
from rockfall.sources.opening import open_source
from rockfall.testing import check_dataset
from rockfall_datasets.photographs import china, flower
from rockfall_datasets.photos import _random_crop


def photos(**options: object) -> Dataset:
    opened = open_source("photos", options)
    assert isinstance(opened, Dataset)
    return opened


def test_photos() -> None:
    check_dataset("photos")


def test_sizes_and_counts() -> None:
    data = photos(size=32, count=40)
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 40,
        "validation": 2,
        "test": 2,
    }
    assert data.info.shape == (3, 32, 32) and data.info.kinds == ("pictures",)
    assert (data.train.labels == -1).all()


def test_the_seed_decides_where() -> None:
    one, same, other = (photos(size=16, count=8, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.train.inputs, same.train.inputs)
    assert not torch.equal(one.train.inputs, other.train.inputs)


def test_crops_of_a_split_are_of_its_region_alone() -> None:
    """128 is as wide as the regions of validation and test, so nothing is scaled there."""
    data = photos(size=128, count=128)
    wholes = [photo.numpy() for photo in (china(), flower())]
    seen = set()
    for name, (start, end) in {"validation": (384, 512), "test": (512, 640)}.items():
        for crop in data.splits[name].inputs.numpy():
            rows = [
                (place, row)
                for place, whole in enumerate(wholes)
                for row in range(whole.shape[1] - 127)
                if np.array_equal(whole[:, row : row + 128, start:end], crop)
            ]
            assert len(rows) == 1, name
            seen.add(rows[0])
    assert {place for place, _ in seen} == {0, 1}  # of both photographs
    assert len({row for _, row in seen}) > 4


def test_scales_of_crops_are_log_uniform() -> None:
    """From size to three times that across, each factor as likely as any other."""
    ramp = torch.arange(250, dtype=torch.uint8).expand(3, 250, 250)
    draw = np.random.default_rng(0)
    crops = [_random_crop(ramp, 20, draw).float() for _ in range(400)]
    assert all(crop.shape == (3, 20, 20) for crop in crops)
    across = torch.stack([crop[0, 0, -1] - crop[0, 0, 0] for crop in crops]) * 20 / 19
    assert 18 <= across.min() <= 22 and 58 <= across.max() <= 62
    assert across.median() == pytest.approx(20 * 3**0.5, abs=4)
    assert len({crop[0, 0, 0].item() for crop in crops}) > 100


@pytest.mark.parametrize("options", [{"size": 129}, {"size": 0}, {"count": 0}])
def test_bounds(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        photos(**options)
