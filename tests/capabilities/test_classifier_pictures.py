"""What is drawn of a classifier: the confusion matrix, mistakes and saliency."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from rockfall.kit.drawing.layout import words
from rockfall.kit.occlusion import _positions, occlusion
from rockfall.sources.dataset import Batch, Dataset, Split
from rockfall_capabilities.classifies.confusion import colours, confusion
from rockfall_capabilities.classifies.mistakes import MAX_MISTAKES, Mistake, mistakes, percent
from rockfall_capabilities.classifies.pictures import (
    confusion_counts,
    files_of,
    most_confident_mistakes,
    pictures,
)
from rockfall_capabilities.classifies.saliency import heat_map, largest_drop
from tests.capabilities.pictured import dataset, pixels


class Corner:
    """Says `b` as surely as the upper left corner of the picture is light."""

    def classify(self, inputs: Tensor) -> Tensor:
        light = inputs[:, :, :2, :2].float().mean((1, 2, 3)) / 255
        return torch.stack((1 - light, light, torch.zeros_like(light)), 1)


def test_the_confusion_matrix_counts() -> None:
    generator = torch.Generator().manual_seed(0)
    labels, predicted = (torch.randint(5, (400,), generator=generator) for _ in range(2))
    labels[labels == 3] = 2  # a class without an example
    expected = np.zeros((5, 5), int)
    np.add.at(expected, (labels.numpy(), predicted.numpy()), 1)
    assert np.array_equal(confusion_counts(labels, predicted, 5).numpy(), expected)
    assert expected[0, 1] != expected[1, 0]  # so that a transposed one would be seen


def test_right_is_blue_and_wrong_is_orange() -> None:
    counts = np.array([[90, 10, 0], [0, 100, 0], [0, 0, 0]])
    red, _, blue = np.moveaxis(colours(counts).astype(int), -1, 0)
    assert (blue - red)[[0, 1], [0, 1]].min() > 100
    assert (red - blue)[0, 1] > 100
    empty = counts == 0
    assert (red[empty] == 255).all()
    assert (blue[empty] == 255).all()


def test_one_mistake_in_a_thousand_can_be_seen() -> None:
    counts = np.diag([1000, 990])
    counts[1, 0] = 10
    counts[0, 1] = 1
    red, _, blue = colours(counts)[0, 1].astype(int)
    assert red - blue > 40


@pytest.mark.parametrize("classes", [2, 10, 20, 21, 100, 300])
def test_any_number_of_classes_fits(classes: int) -> None:
    counts = np.arange(classes**2).reshape(classes, classes)
    names = [f"a long name of a class, {number}" for number in range(classes)]
    image = confusion(counts, names)
    assert image.width < 1300
    assert image.height < 1600
    assert confusion(np.zeros((classes, classes), int), names).size[0] > 0


def test_the_matrix_has_a_number_in_each_cell_that_is_not_empty() -> None:
    counts = np.diag([7] * 4)
    plain, more = (
        pixels(confusion(c, "abcd")) for c in (counts, counts + np.eye(4, k=1, dtype=int))
    )
    changed = np.argwhere((plain != more).any(2))
    top, left = changed.min(0)
    assert plain.shape == more.shape
    assert (plain[top : top + 20, left + 60 :] == 255).any()


def test_a_cell_is_coloured_by_its_share_of_its_row() -> None:
    counts = np.array([[8, 2], [1, 9]])
    often = counts * np.array([[10], [1]])
    assert np.array_equal(colours(counts), colours(often))


def test_every_count_but_0_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(
        ImageDraw.ImageDraw, "text", lambda _, where, text, *rest, **more: written.append(text)
    )
    confusion(np.array([[51, 31], [0, 41]]), ("a", "b"))
    assert {"51", "31", "41"} <= set(written)
    assert "0" not in written


@pytest.mark.parametrize("count", [1, 6, 7, 8, 20, 99])
def test_every_mistake_names_its_own_file(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where not all examples are looked at: each picture's first pixel is its number."""
    monkeypatch.setattr("rockfall_capabilities.classifies.pictures.MAX_EXAMPLES", 7)
    inputs = torch.zeros(count, 3, 2, 2, dtype=torch.uint8)
    inputs[:, 0, 0, 0] = torch.arange(count)
    labels = torch.zeros(count, dtype=torch.int64)
    test = Split(inputs, labels, files=tuple(f"cat/{number}.jpg" for number in range(count)))
    looked_at = test.evenly_spaced(7)
    wrong = torch.ones(len(looked_at.labels), dtype=torch.int64)
    found = most_confident_mistakes(looked_at, wrong, wrong.float(), files_of(test))
    assert len(found) == min(count, 7)
    assert all(each.file == f"cat/{int(each.picture[0, 0, 0])}.jpg" for each in found)
    assert files_of(Split(inputs, labels)) == ()


def test_the_sheet_is_as_wide_with_the_longest_names() -> None:
    def sheet(file: str) -> np.ndarray:
        one = Mistake(torch.zeros(3, 8, 8, dtype=torch.uint8), 0, 1, 0.9, file)
        return pixels(mistakes([one], 1, 5, ("cat", "dog")))

    without, short, long = (sheet(file) for file in ("", "a.jpg", f"cat/{'long ' * 50}.jpg"))
    assert short.shape[0] == long.shape[0] > without.shape[0]
    assert long.shape[1] < without.shape[1] + 190


def test_of_many_classes_the_commonest_mistakes_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []

    def noting(text: str, *rest: Any) -> Image.Image:
        named.append(text)
        return words(text, *rest)

    monkeypatch.setattr("rockfall_capabilities.classifies.confusion.words", noting)
    counts = np.eye(25, dtype=np.int64) * 10
    counts[7, 8], counts[3, 4] = 2, 5
    confusion(counts, [f"c{number}" for number in range(25)])
    listed = [text for text in named if "predicted as" in text]
    assert listed == ["c3 predicted as c4: 5 of 15", "c7 predicted as c8: 2 of 12"]


def test_the_mistakes_are_the_surest_of_the_wrong_ones() -> None:
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(4, (300,), generator=generator)
    predicted = torch.randint(4, (300,), generator=generator)
    probability = torch.rand(300, generator=generator)
    inputs = torch.arange(300).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    found = most_confident_mistakes(Batch(inputs, labels), predicted, probability)
    wrong = [i for i in range(300) if labels[i] != predicted[i]]
    expected = sorted(wrong, key=lambda i: -probability[i].item())[:MAX_MISTAKES]
    assert [int(mistake.picture[0, 0, 0]) for mistake in found] == expected
    assert [mistake.label for mistake in found] == labels[expected].tolist()
    assert [mistake.predicted for mistake in found] == predicted[expected].tolist()
    assert [mistake.probability for mistake in found] == probability[expected].tolist()


def test_a_model_without_a_mistake_is_drawn_too() -> None:
    right = torch.zeros(5, dtype=torch.long)
    test = Batch(torch.zeros(5, 1, 4, 4, dtype=torch.uint8), right)
    assert most_confident_mistakes(test, right, torch.ones(5)) == []
    assert (pixels(mistakes([], 0, 5, "ab")) < 100).any()


@pytest.mark.parametrize(
    ("share", "text"), [(1, "100 %"), (0.998, "99.8 %"), (0.984, "98 %"), (0.0, "0 %")]
)
def test_percents(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(("height", "width"), [(8, 8), (28, 28), (32, 32), (20, 61), (1, 3)])
def test_occlusion_finds_the_corner_that_a_model_looks_at(height: int, width: int) -> None:
    picture = torch.full((3, height, width), 255, dtype=torch.uint8)
    drops = occlusion(Corner().classify, picture, 1, [0.0, 0.0, 0.0])
    assert drops.shape == (height, width)
    assert drops.argmax() == 0
    far = drops[height // 2 + 1 :, width // 2 + 1 :]
    assert not far.any()
    patch = max(1, round(height / 5)) * max(1, round(width / 5))
    seen = min(2, height) * min(2, width)
    hidden = min(2, max(1, round(height / 5))) * min(2, max(1, round(width / 5)))
    assert drops[0, 0] == pytest.approx(hidden / seen, abs=1e-5), patch
    assert (occlusion(Corner().classify, picture, 0, [0.0, 0.0, 0.0]) <= 1e-6).all()


def test_the_patch_has_the_mean_colour() -> None:
    seen: list[Tensor] = []

    def classify(inputs: Tensor) -> Tensor:
        seen.append(inputs)
        return torch.ones(len(inputs), 1)

    picture = torch.zeros(3, 10, 10, dtype=torch.uint8)
    occlusion(classify, picture, 0, [10.4, 20.6, 30.0])
    covered = torch.cat(seen[1:])
    assert not picture.any()  # what is covered is a copy
    inside = covered.bool().any(1)
    assert (inside.sum((1, 2)) == 4).all()  # a patch of 2 × 2, everywhere
    assert inside.any(0).all()
    assert covered.permute(0, 2, 3, 1)[inside].unique(dim=0).tolist() == [[10, 21, 30]]


@pytest.mark.parametrize("length", [1, 2, 5, 8, 28, 32, 97, 224])
def test_the_patch_leaves_no_gap(length: int) -> None:
    patch = max(1, round(length / 5))
    places = _positions(length, patch)
    assert (places[0], places[-1]) == (0, length - patch)
    assert max(np.diff(places), default=1) <= patch
    assert len(places) <= 16


def test_what_matters_glows() -> None:
    picture = torch.full((1, 8, 8), 128, dtype=torch.uint8)
    drops = torch.zeros(8, 8)
    drops[:2, :2] = 0.4
    light = pixels(heat_map(picture, drops, 64)).sum(2)
    assert light[4:12, 4:12].min() > light[32:, 32:].max() + 200
    assert light.shape == (64, 64)
    assert largest_drop(drops) == "drops by up to 40 points"
    noise = pixels(heat_map(picture, drops / 4000, 64)).sum(2)
    assert noise.max() - noise.min() < 60  # next to nothing must not look like much
    assert largest_drop(drops / 4000) == largest_drop(-drops) == "drops by less than 1 point"


@pytest.mark.parametrize("shape", [(1, 6, 6), (3, 32, 32), (3, 9, 4)])
def test_a_classifier_is_drawn(shape: tuple[int, ...]) -> None:
    drawn = pictures(Corner(), dataset(3, shape))
    assert list(drawn) == ["confusion", "mistakes", "saliency"]


def test_of_vectors_only_the_matrix_is_drawn() -> None:
    labels = torch.arange(9) % 2
    splits = {name: Split(torch.rand(9, 5), labels) for name in ("train", "validation", "test")}
    source = Dataset("vectors", splits, kinds=("labelled-vectors",), classes=("a", "b"))
    model = mock.Mock(classify=lambda inputs: torch.stack((inputs[:, 0], 1 - inputs[:, 0]), 1))
    assert list(pictures(model, source)) == ["confusion"]
