"""The figures of a classifier, and the simple methods beside them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from rockfall.sources.dataset import Dataset, Split
from rockfall_capabilities.classifies import evaluation

CLASSES = 4


def made(count: int, seed: int) -> Split:
    """Pictures (N, 1, 3, 3), sorted by class, each brighter than those of the class before."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) * CLASSES // count
    noise = torch.randint(0, 150, (count, 1, 3, 3), generator=generator)
    return Split((noise + 25 * labels[:, None, None, None]).to(torch.uint8), labels)


def dataset(train: int = 120, test: int = 40) -> Dataset:
    splits = {"train": made(train, 0), "validation": made(8, 1), "test": made(test, 2)}
    names = tuple(map(str, range(CLASSES)))
    return Dataset("made", splits, kinds=("labelled-pictures",), classes=names)


class ByHeart:
    """Right about all that it has seen, and otherwise always says class 0."""

    def __init__(self, seen: Split) -> None:
        pairs = zip(seen.inputs, seen.labels, strict=True)
        self.known = {picture.numpy().tobytes(): int(label) for picture, label in pairs}

    def classify(self, inputs: Tensor) -> Tensor:
        found = [self.known.get(picture.numpy().tobytes(), 0) for picture in inputs]
        return F.one_hot(torch.tensor(found), CLASSES).float()


def test_train_accuracy_stands_beside_test_accuracy() -> None:
    data = dataset()
    figures = evaluation.evaluate(ByHeart(data.train), data)
    assert list(figures) == ["test accuracy", "train accuracy"]  # the first is the one that counts
    assert figures["test accuracy"]["value"] == pytest.approx(0.25)
    assert figures["test accuracy"]["count"] == 40
    assert figures["train accuracy"]["value"] == 1
    assert figures["train accuracy"]["count"] == 120


def nearest_by_hand(data: Dataset, known: list[int]) -> float:
    """Share of the test split that the nearest of some training examples gets right."""
    points = data.train.inputs[known].flatten(1).numpy().astype(int)
    asked = data.test.inputs.flatten(1).numpy().astype(int)
    nearest = ((asked[:, None] - points[None]) ** 2).sum(2).argmin(1)
    found = data.train.labels.numpy()[known][nearest]
    return float((found == data.test.labels.numpy()).mean())


def test_the_nearest_neighbour_is_the_nearest() -> None:
    data = dataset()
    figures = evaluation.evaluate(ByHeart(data.train), data)
    right = figures["test accuracy"]["baselines"]["nearest neighbour"]["value"]
    assert 0.5 < right < 0.95  # or the comparison would say little
    assert right == pytest.approx(nearest_by_hand(data, list(range(120))))


def test_of_many_and_large_pictures_fewer_neighbours_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = dataset()
    known = list(range(0, 120, 8))  # evenly, for the split is sorted by class
    monkeypatch.setattr(evaluation, "MAX_MULTIPLICATIONS", 40 * 9 * len(known) + 0.5)
    figures = evaluation.evaluate(ByHeart(data.train), data)
    right = figures["test accuracy"]["baselines"]["nearest neighbour"]["value"]
    assert right == pytest.approx(nearest_by_hand(data, known))
    assert right != nearest_by_hand(data, list(range(120)))
    monkeypatch.setattr(evaluation, "MAX_MULTIPLICATIONS", 1)
    figures = evaluation.evaluate(ByHeart(data.train), data)
    one = figures["test accuracy"]["baselines"]["nearest neighbour"]["value"]
    assert one == pytest.approx(0.25)


def test_a_limit_leaves_every_class_its_share() -> None:
    data = dataset()
    figures = evaluation.evaluate(ByHeart(data.train), data, limit=8)
    assert figures["test accuracy"]["count"] == figures["train accuracy"]["count"] == 8
    assert figures["test accuracy"]["baselines"]["commonest class"]["value"] == 0.25


def test_of_a_large_training_split_a_part_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MAX_TRAIN_EXAMPLES", 60)
    data = dataset()
    figures = evaluation.evaluate(ByHeart(data.train), data)
    assert figures["train accuracy"]["count"] == 60
    right = figures["test accuracy"]["baselines"]["nearest neighbour"]["value"]
    assert right == pytest.approx(nearest_by_hand(data, list(range(0, 120, 2))))
