"""Patches of a dataset's pictures, and the probe of whole pictures by features of their patches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rockfall.errors import UsageError
from rockfall.sources.dataset import Batch, Dataset, Split
from rockfall.sources.selection import Selection
from rockfall_capabilities.encodes import pooling
from rockfall_capabilities.encodes.evaluation import evaluate
from rockfall_capabilities.encodes.pooling import pooled
from rockfall_capabilities.encodes.probe import probe
from rockfall_datasets.patches import Patches

FIRST = {"train": 0, "validation": 100, "test": 200}
"""The number of each split's first picture."""


def numbered(height: int = 5, width: int = 7, count: int = 12) -> Dataset:
    """Pictures (3, H, W) whose pixels say their picture, row and column; labelled in turns."""
    row = torch.arange(height)[:, None].expand(height, width)
    column = torch.arange(width)[None].expand(height, width)
    splits = {}
    for name, first in FIRST.items():
        pictures = [
            torch.stack((torch.full((height, width), first + number), row, column))
            for number in range(count)
        ]
        splits[name] = Split(torch.stack(pictures).byte(), torch.arange(count) % 2)
    kinds = ("pictures", "labelled-pictures")
    return Dataset("numbered", splits, kinds=kinds, classes=("even", "odd"))


def cut(whole: Dataset | None = None, **changes: Any) -> Patches:
    asked = {"size": 3, "count": 2000, "stride": 1, "seed": 0, **changes}
    return Patches.cut("pieces", whole or numbered(), **asked)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_each_patch_is_cut_of_its_own_splits_pictures(size: int) -> None:
    whole = numbered()
    data = cut(whole, size=size)
    assert data.info.sizes == {"train": 2000, "validation": 200, "test": 200}
    assert data.info.shape == (3, size, size)
    for name, split in data.splits.items():
        found = set()
        for patch in split.inputs:
            number, top, left = patch[:, 0, 0].tolist()
            picture = whole.splits[name].inputs[number - FIRST[name]]
            assert torch.equal(patch, picture[:, top : top + size, left : left + size])
            found.add((number, top, left))
        if name == "train":  # every place of every picture, as far as chance goes
            places = 12 * (6 - size) * (8 - size)
            assert len(found) > 0.9 * places


def test_every_place_is_as_likely() -> None:
    patches = cut(count=60_000).train.inputs[:, :, 0, 0].long()
    number, top, left = patches.unbind(1)
    counts = torch.bincount((number * 3 + top) * 5 + left, minlength=12 * 3 * 5).double()
    expected = 60_000 / len(counts)
    squares = ((counts - expected) ** 2 / expected).sum()
    freedom = len(counts) - 1
    assert abs(squares - freedom) < 5 * (2 * freedom) ** 0.5  # five deviations of chi squared


def test_patches_are_not_labelled_but_the_whole_pictures_are() -> None:
    data = cut()
    assert data.info.kinds == ("pictures",)
    assert data.info.classes == ()
    for split in data.splits.values():
        assert (split.labels == -1).all()
        assert split.labels.dtype == torch.int64
    assert data.whole.info.classes == ("even", "odd")


def test_the_seed_decides() -> None:
    data, again, other = cut(), cut(), cut(seed=1)
    for name in FIRST:
        assert torch.equal(data.splits[name].inputs, again.splits[name].inputs)
        assert not torch.equal(data.splits[name].inputs, other.splits[name].inputs)
    torch.manual_seed(7)
    assert torch.equal(cut().train.inputs, data.train.inputs)


def test_at_least_one_of_each_split() -> None:
    assert cut(count=1).info.sizes == {"train": 1, "validation": 1, "test": 1}


def test_the_whole_pictures_move_with_the_patches() -> None:
    data = cut(stride=2)
    moved = data.to(torch.device("meta"))
    assert moved.whole.test.inputs.is_meta and moved.train.inputs.is_meta
    assert (moved.stride, moved.info) == (2, data.info)
    assert not data.whole.test.inputs.is_meta


def test_a_limit_is_one_of_patches_and_keeps_the_whole_pictures() -> None:
    data = cut(stride=2)
    some = Selection(limit=50).of(data)
    assert isinstance(some, Patches)
    assert some.info.sizes == {"train": 50, "validation": 50, "test": 200}
    assert some.whole is data.whole
    assert some.stride == 2
    assert (some.info.name, some.info.kinds) == ("pieces", ("pictures",))


def test_what_can_not_be_cut() -> None:
    with pytest.raises(UsageError, match=r"numbered has pictures of 5 × 7, too small .* size=6"):
        cut(size=6)
    with pytest.raises(UsageError, match="GiB"):
        cut(count=10**12)
    vectors = {name: Split(torch.zeros(3, 2), torch.zeros(3).long()) for name in FIRST}
    with pytest.raises(UsageError, match="points has no pictures"):
        cut(Dataset("points", vectors, kinds=("vectors",)))


# Pooling ---------------------------------------------------------------------------------------


class Squares:
    """Features (P, 4): a linear map of a patch's numbers, squared."""

    def __init__(self, numbers: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.weights = torch.randn(numbers, 4, generator=generator) / 100
        self.most = 0

    def encode(self, inputs: Tensor) -> Tensor:
        self.most = max(self.most, len(inputs))
        return (inputs.flatten(1).float() @ self.weights).square()


def by_hand(model: Squares, pictures: Tensor, size: int, stride: int) -> Tensor:
    """Sums over the quadrants, patch by patch."""
    count, _, height, width = pictures.shape
    tops, lefts = range(0, height - size + 1, stride), range(0, width - size + 1, stride)
    sums = torch.zeros(count, 2, 2, 4)
    for picture in range(count):
        for row, top in enumerate(tops):
            for column, left in enumerate(lefts):
                patch = pictures[picture, :, top : top + size, left : left + size]
                lower, right = int(2 * row >= len(tops)), int(2 * column >= len(lefts))
                if 2 * row + 1 == len(tops):
                    lower = 0
                if 2 * column + 1 == len(lefts):
                    right = 0
                sums[picture, lower, right] += model.encode(patch[None])[0]
    return sums.flatten(1)


@settings(max_examples=40)
@given(
    height=st.integers(3, 9),
    width=st.integers(3, 9),
    size=st.integers(2, 3),
    stride=st.integers(1, 4),
)
def test_features_are_summed_over_the_quadrants(
    height: int, width: int, size: int, stride: int
) -> None:
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randint(256, (3, 2, height, width), generator=generator).byte()
    model = Squares(2 * size * size)
    found = pooled(model.encode, pictures, size, stride)
    expected = by_hand(model, pictures, size, stride)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_memory_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = numbered().train.inputs
    model = Squares(27)
    expected = pooled(model.encode, pictures, 3, 1)
    assert model.most == 12 * 15
    monkeypatch.setattr(pooling, "BATCH", 40)  # those of two pictures and a half
    model.most = 0
    assert torch.allclose(pooled(model.encode, pictures, 3, 1), expected)
    assert model.most == 30
    monkeypatch.setattr(pooling, "BATCH", 1)
    model.most = 0
    assert torch.allclose(pooled(model.encode, pictures, 3, 1), expected)
    assert model.most == 15


def textured(count: int, seed: int) -> Split:
    """Noise (1, 6, 8), in class 1 drawn up and down; each pixel's mean is the same in both."""
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.randint(256, (count, 1, 6, 8), generator=generator)
    labels = torch.arange(count) % 2
    pictures[labels == 1] = pictures[labels == 1][:, :, :1]
    return Split(pictures.byte(), labels)


class Roughness:
    """Its feature is how much a patch changes from row to row."""

    encoded = 0

    def encode(self, inputs: Tensor) -> Tensor:
        self.encoded += len(inputs)
        return inputs.float().diff(dim=2).square().mean((1, 2, 3))[:, None]


def test_a_model_of_patches_is_probed_on_the_whole_pictures() -> None:
    splits = {
        name: textured(count, seed)
        for seed, (name, count) in enumerate((("train", 80), ("validation", 30), ("test", 60)))
    }
    whole = Dataset("textures", splits, kinds=("pictures",), classes=("rough", "striped"))
    data = cut(whole, size=3, count=10, stride=2)
    model = Roughness()
    figure = evaluate(model, data)["probe accuracy"]
    assert model.encoded == (80 + 30 + 60) * 2 * 3  # rows and columns of patches, 2 pixels apart
    parts = [whole.train[:], whole.validation[:], whole.test[:]]
    features = [Batch(pooled(model.encode, inputs, 3, 2), labels) for inputs, labels in parts]
    assert figure["value"] == probe(*features).mean() > 0.95
    assert figure["baselines"]["raw pixels"]["value"] == probe(*parts).mean() < 0.7
    assert figure["count"] == 60
    assert evaluate(model, data, limit=20)["probe accuracy"]["count"] == 20


def test_without_classes_of_the_whole_pictures_there_is_no_figure() -> None:
    whole = numbered()
    bare = Dataset("bare", whole.splits, kinds=("pictures",))
    assert evaluate(Roughness(), cut(bare)) == {}
