"""Features on a map: how they are projected, how well they cluster, and what is drawn."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from torch import Tensor

from rockfall.errors import RockfallError
from rockfall.kit.drawing import points
from rockfall.kit.drawing.chart import Chart
from rockfall.sources.dataset import Dataset, Split
from rockfall_capabilities.encodes import pictures as drawing
from rockfall_capabilities.encodes.clustering import purity
from rockfall_capabilities.encodes.latent_map import CELLS, latent_map, nearest_to_cells
from rockfall_capabilities.encodes.pictures import pictures
from rockfall_capabilities.encodes.projection import choose_projection, project
from rockfall_datasets.patches import Patches


def blobs(count: int = 60, size: int = 8, classes: int = 3) -> tuple[Tensor, Tensor]:
    """Far from one another; a row of each class in turn."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % classes
    middles = 20 * torch.randn(classes, size, generator=generator)
    return middles[labels] + torch.randn(count, size, generator=generator), labels


# The projection ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "by", "expected"),
    [
        (2, "auto", "identity"),
        (3, "auto", "pca"),
        (2, "pca", "pca"),
        (2, "tsne", "tsne"),
        (9, "tsne", "tsne"),
    ],
)
def test_two_features_are_not_projected(size: int, by: str, expected: str) -> None:
    assert choose_projection(torch.zeros(5, size), by) == expected


def test_features_as_they_are() -> None:
    features = torch.randn(5, 2)
    assert torch.equal(project(features, "identity"), features)


def test_pca_is_scikit_learn_s() -> None:
    features, _ = blobs()
    found = project(features + 1000, "pca")
    expected = PCA(2, svd_solver="full").fit_transform(features.double().numpy())
    for one, other in zip(found.T.numpy(), expected.T, strict=True):
        assert np.allclose(one * np.sign(one @ other), other, atol=0.02)
    assert torch.equal(found, project(features + 1000, "pca"))


def test_features_that_are_all_alike_lie_at_one_place() -> None:
    alike = torch.ones(20, 4)
    assert not project(alike, "pca").any()
    assert latent_map("alike", "pca", torch.zeros(20, 2), torch.zeros(20), ()).width > 0
    with pytest.raises(RockfallError, match="all alike"):
        project(alike, "tsne")


def test_t_sne_keeps_neighbours_together() -> None:
    features, labels = blobs()
    found = project(features, "tsne")
    assert found.shape == (60, 2)
    apart = torch.cdist(found, found).fill_diagonal_(torch.inf)
    assert (labels[apart.argmin(1)] == labels).all()
    assert torch.equal(found, project(features, "tsne"))


@pytest.mark.parametrize("count", [3, 7])
def test_t_sne_of_few(count: int) -> None:
    features, _ = blobs(count)
    assert torch.isfinite(project(features, "tsne")).all()


@pytest.mark.parametrize("how", ["identity", "pca", "tsne"])
def test_no_map_of_what_is_not_finite(how: Any) -> None:
    features = torch.randn(9, 2)
    features[3, 1] = torch.inf
    with pytest.raises(RockfallError, match="not finite"):
        project(features, how)


# The clusters -----------------------------------------------------------------------------------


def test_purity_is_the_share_of_the_commonest_class() -> None:
    features, cluster = blobs()
    assert purity(features, cluster, 3).tolist() == [1] * 60
    labels = cluster.clone()
    labels[cluster == 0] = torch.tensor([0] * 11 + [1] * 9)  # of 20
    labels[cluster == 1] = torch.tensor([2] * 15 + [1] * 5)
    expected = torch.stack([labels == [0, 2, 2][int(k)] for k in range(3)])
    by_hand = expected[cluster, torch.arange(60)]
    assert torch.equal(purity(features, labels, 3), by_hand.float())
    assert purity(features, labels, 3).mean().item() == pytest.approx((11 + 15 + 20) / 60)


def test_purity_of_pictures_and_of_too_few_project() -> None:
    pictures = torch.zeros(12, 1, 2, 2, dtype=torch.uint8)
    assert purity(pictures, torch.arange(12) % 3, 3).sum() == 4  # all in one cluster
    assert purity(pictures[:2], torch.tensor([0, 1]), 2).sum() >= 1


# The picture ------------------------------------------------------------------------------------


@pytest.mark.long
@given(
    found=st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=40),
    cells=st.integers(1, 6),
)
def test_each_cell_shows_what_is_nearest_to_its_middle(
    found: list[tuple[float, float]], cells: int
) -> None:
    plane = points.plane_of(torch.tensor(found, dtype=torch.double))
    chosen = nearest_to_cells(torch.tensor(found, dtype=torch.double), plane, cells)
    (left, right), (low, high) = plane
    width, height = (right - left) / cells, (high - low) / cells
    expected: dict[tuple[int, int], float] = {}
    for x, y in found:
        row, column = int((high - y) / height), int((x - left) / width)
        offset = ((x - left) / width - column - 0.5, (high - y) / height - row - 0.5)
        away = offset[0] ** 2 + offset[1] ** 2
        expected[row, column] = min(away, expected.get((row, column), 9.0))
    on_edge = any(
        abs(share % 1) < 1e-6 or abs(share % 1) > 1 - 1e-6
        for x, y in found
        for share in ((x - left) / width, (high - y) / height)
    )
    if on_edge:
        return
    assert chosen.keys() == expected.keys()
    for (row, column), example in chosen.items():
        x, y = found[example]
        offset = ((x - left) / width - column - 0.5, (high - y) / height - row - 0.5)
        assert offset[0] ** 2 + offset[1] ** 2 == pytest.approx(expected[row, column], abs=1e-9)


def test_pictures_stand_where_their_dots_are() -> None:
    corners = torch.tensor([[-1.0, -1.0], [1.0, 1.0], [1.0, -1.0]])
    shades = torch.tensor([255, 128, 60], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 1, 8, 8)
    labels = torch.tensor([0, 1, 2])
    page = latent_map("three", "identity", corners, labels, ("a", "b", "c"), shades)
    alone = latent_map("three", "identity", corners, labels, ("a", "b", "c"))
    drawn = np.asarray(page).astype(int)
    assert page.width > 1.8 * alone.width
    middle = drawn.shape[1] // 2
    for label, (place, shade) in enumerate(zip(corners.tolist(), (255, 128, 60), strict=True)):
        colour = np.array(points.class_colour(label))
        near = np.abs(drawn[:, middle:] - colour).sum(2) < 10
        rows, columns = np.nonzero(near)
        inside = drawn[int(rows.mean()), middle + int(columns.mean())]
        assert inside.tolist() == [shade] * 3
        assert (columns.mean() > CELLS * 14 + 60) == (place[0] > 0)
        assert (rows.mean() < drawn.shape[0] / 2) == (place[1] > 0)


def test_ten_classes_have_ten_colours() -> None:
    colours = [points.class_colour(label) for label in range(10)]
    for one, other in itertools.combinations(colours, 2):
        assert sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 60
    assert points.class_colour(-1) == colours[0]


class Numbers:
    """Its features are the first numbers of the inputs."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.given = 0

    def encode(self, inputs: Tensor) -> Tensor:
        self.given += len(inputs)
        return inputs.flatten(1)[:, : self.count].float()


def dataset(count: int = 40, *, labelled: bool = True) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(256, (count, 1, 4, 4), generator=generator).to(torch.uint8)
    labels = torch.arange(count) % 3 if labelled else torch.full((count,), -1)
    part = Split(inputs, labels)
    splits = {"train": part, "validation": part, "test": part}
    classes = ("a", "b", "c") if labelled else ()
    return Dataset("made-up", splits, kinds=("pictures",), classes=classes)


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("features", [2, 7])
def test_a_finished_run_leaves_a_map(features: int, labelled: bool) -> None:
    assert set(pictures(Numbers(features), dataset(labelled=labelled))) == {"latent"}


def test_of_many_test_examples_some_are_on_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "MAX_EXAMPLES", 10)
    model = Numbers(3)
    pictures(model, dataset())
    assert model.given == 10


def test_what_has_no_map() -> None:
    assert pictures(Numbers(1), dataset()) == {}
    assert pictures(Numbers(3), dataset(2)) == {}
    patches = Patches.cut("cut", dataset(), size=2, count=20, stride=1, seed=0)
    assert pictures(Numbers(3), patches) == {}


def test_a_class_in_two_clusters_is_named_at_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not between them, where another may lie."""
    named = {}

    def note(chart: Chart, x: float, y: float, text: str, *_: object) -> None:
        named[text] = x

    left, between, right = (torch.randn(20, 2) + torch.tensor([x, 0.0]) for x in (-20, 0, 20))
    labels = torch.tensor([0] * 20 + [1] * 20 + [0] * 20)
    monkeypatch.setattr(Chart, "text", note)
    points.scatter("", torch.cat([left, between, right]), labels, ("apart", "between"))
    assert abs(named["apart"] - named["between"]) > 100
