"""Blends: what the kit asks, which examples stand for classes, and what is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rockfall.kit.drawing.sheets import in_rows, sheet
from rockfall.sources.dataset import Dataset, Split
from rockfall_capabilities.blends import representatives as representing
from rockfall_capabilities.blends.check import check
from rockfall_capabilities.blends.interpolation import bilinear_weights
from rockfall_capabilities.blends.pictures import pictures
from rockfall_capabilities.blends.representatives import representatives

SHAPE = (1, 2, 2)


def split(labels: list[int], levels: list[int]) -> Split:
    """Plain pictures, each of one level."""
    inputs = torch.tensor(levels, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, *SHAPE)
    return Split(inputs.contiguous(), torch.tensor(labels))


def dataset(part: Split, classes: tuple[str, ...] = ()) -> Dataset:
    splits = {"train": part, "validation": part, "test": part}
    return Dataset("made-up", splits, kinds=("pictures",), classes=classes)


class Identity:
    """Its latents are the numbers of the picture."""

    spherical = False

    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        return inputs.flatten(1).float()

    def decode(self, latents: Tensor) -> Tensor:
        return latents.round().to(torch.uint8).unflatten(1, SHAPE)


# Which examples ---------------------------------------------------------------------------------

LABELS = [0, 1, 0, 1, 0, 1, 0, 2]
LEVELS = [0, 200, 90, 100, 100, 150, 130, 7]
"""Of class 0 the mean is 80, of class 1 it is 150."""


@pytest.mark.parametrize("batch", [1000, 3])
def test_the_most_typical_stands_for_its_class(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(representing, "BATCH", batch)
    found = representatives(split(LABELS, LEVELS), [1, 0, 2])
    assert found.labels.tolist() == [1, 0, 2]
    assert found.inputs[:, 0, 0, 0].tolist() == [150, 90, 7]


def test_a_class_that_is_asked_for_again_gets_another_example() -> None:
    found = representatives(split(LABELS, LEVELS), [0, 1, 0, 2, 2])
    assert found.inputs[:, 0, 0, 0].tolist() == [90, 150, 130, 7, 7]  # 90, 100, 130, 0 by distance


def test_a_seed_chooses_others() -> None:
    many = split([0] * 50 + [1] * 50, list(range(100)))
    chosen = {seed: representatives(many, [1, 0, 1], seed) for seed in range(20)}
    assert all(found.labels.tolist() == [1, 0, 1] for found in chosen.values())
    assert len({found.inputs[0].max().item() for found in chosen.values()}) > 10
    assert all(not torch.equal(found.inputs[0], found.inputs[2]) for found in chosen.values())
    again = representatives(many, [1, 0, 1], 7)
    assert torch.equal(again.inputs, chosen[7].inputs)


# What is drawn ----------------------------------------------------------------------------------


def test_each_corner_has_its_example_and_each_side_only_two() -> None:
    weights = bilinear_weights(5).view(5, 5, 4)
    assert torch.allclose(weights.sum(2), torch.ones(5, 5))
    corners = torch.stack((weights[0, 0], weights[0, 4], weights[4, 0], weights[4, 4]))
    assert torch.equal(corners, torch.eye(4))
    assert weights[0, 1].tolist() == [0.75, 0.25, 0, 0]
    assert weights[1, 0].tolist() == [0.75, 0, 0.25, 0]
    assert weights[2, 2].tolist() == [0.25] * 4


def test_a_walk_between_four_classes() -> None:
    labels = [k for k in range(10) for _ in range(3)]
    data = dataset(split(labels, [20 * k for k in labels]), tuple(map(str, range(10))))
    (page,) = pictures(Identity(), data).values()
    ends = [0, 40, 100, 140]  # of classes 0, 2, 5 and 7
    levels = (bilinear_weights(8) @ torch.tensor(ends).float()).round().to(torch.uint8)
    walk = np.asarray(sheet(in_rows(levels.view(-1, 1, 1, 1).expand(-1, *SHAPE), 8)))
    drawn = np.asarray(page)
    bottom, left = drawn.shape[0] - 16, (drawn.shape[1] - 16 - walk.shape[1]) // 2
    places = [
        drawn[bottom - walk.shape[0] : bottom, x : x + walk.shape[1]]
        for x in range(left - 60, left + 60)
    ]
    assert any(np.array_equal(place, walk) for place in places)


@pytest.mark.parametrize("labels", [[-1] * 6, [0] * 6, [0, 1] * 3, [0, 1, 2] * 2, [5]])
def test_a_walk_between_fewer_classes(labels: list[int]) -> None:
    data = dataset(split(labels, list(range(len(labels)))))
    assert set(pictures(Identity(), data)) == {"blends"}


def test_vectors_are_not_drawn() -> None:
    model: Any = Identity()
    assert pictures(model, dataset(Split(torch.rand(9, 4), torch.zeros(9)))) == {}


# What the kit asks ------------------------------------------------------------------------------


class GivesNoVectors(Identity):
    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        return inputs.float()


class GivesIntegers(Identity):
    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        return inputs.flatten(1).long()


class GivesNan(Identity):
    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        return super().latents(inputs, labels) * torch.nan


class CountsItsCalls(Identity):
    calls = 0

    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        self.calls += 1
        return super().latents(inputs, labels) + self.calls


class DecodesFractions(Identity):
    def decode(self, latents: Tensor) -> Tensor:
        return latents.unflatten(1, SHAPE)


class DecodesFlat(Identity):
    def decode(self, latents: Tensor) -> Tensor:
        return super().decode(latents).flatten(1)


class DecodesByChance(Identity):
    def decode(self, latents: Tensor) -> Tensor:
        return torch.randint_like(super().decode(latents), 256)


class WantsLabels(Identity):
    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        assert (labels >= 0).all(), "it wants labels"
        return super().latents(inputs, labels)


class SaysHowRound(Identity):
    spherical: Any = 1.0


class DrawsNoise(Identity):
    """As one that searches from random beginnings."""

    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        assert (labels == -1).all(), "it needs no labels, and is given none"
        return super().latents(inputs, labels) * torch.rand(())


class Conditional(WantsLabels):
    def sample_of(self, labels: Tensor) -> Tensor:
        raise NotImplementedError


def test_models_that_blend() -> None:
    data = dataset(split(LABELS, LEVELS), ("a", "b", "c"))
    for model in (Identity(), DrawsNoise(), Conditional()):
        check(model, data)


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (GivesNoVectors, r"latents gave \(5, 1, 2, 2\)"),
        (GivesIntegers, "latents gave torch.int64"),
        (GivesNan, "latents must be finite"),
        (CountsItsCalls, "the same seed must give the same latents"),
        (DecodesFractions, "decode gave torch.float32, not torch.uint8"),
        (DecodesFlat, r"decode gave \(5, 4\)"),
        (DecodesByChance, "decode must be deterministic"),
        (WantsLabels, "it wants labels"),
        (SaysHowRound, "spherical must be a bool"),
    ],
)
def test_what_does_not_blend(kind: type[Identity], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check(kind(), dataset(split(LABELS, LEVELS)))
