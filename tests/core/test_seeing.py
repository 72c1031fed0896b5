"""What there is to see in a trained model: the pictures that a run leaves, and what is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

import rockfall
from rockfall.errors import RockfallError
from rockfall.kit.drawing.colours import diverging
from rockfall.kit.drawing.layout import page, words
from rockfall.kit.drawing.tiles import MOST_TILES, enlarged, weight_tile, weight_tiles
from rockfall.kit.randomness import random_state
from rockfall.model_pictures import pictures_in, write_pictures
from rockfall.registry import registry
from rockfall.sources.dataset import Batch, Dataset, Split
from rockfall.specs import CapabilitySpec
from rockfall.testing.comparing import difference
from rockfall.training import draw
from rockfall_capabilities.classifies.confusion import colours, confusion
from rockfall_capabilities.classifies.mistakes import MAX_MISTAKES, mistakes, percent
from rockfall_capabilities.classifies.occlusion import _positions, occlusion
from rockfall_capabilities.classifies.pictures import (
    confusion_counts,
    most_confident_mistakes,
    pictures,
)
from rockfall_capabilities.classifies.saliency import heat_map, largest_drop
from rockfall_capabilities.explains.check import check
from rockfall_capabilities.explains.feature_maps import feature_maps, layer_rows
from rockfall_capabilities.explains.pictures import pictures as explained
from tests.core.test_cli_train import rockfall as typed
from tests.core.toys import toys

OF_A_CLASSIFIER = {"confusion.png", "mistakes.png", "saliency.png"}


def pixels(image: Image.Image | Path) -> np.ndarray:
    if isinstance(image, Path):
        with Image.open(image) as opened:
            image = opened.convert("RGB")
    return np.asarray(image.convert("RGB")).astype(int)


def split(count: int, classes: int, shape: tuple[int, ...] = (1, 6, 6)) -> Split:
    generator = torch.Generator().manual_seed(count)
    inputs = torch.randint(256, (count, *shape), generator=generator, dtype=torch.uint8)
    return Split(inputs, torch.arange(count) % classes)


def dataset(classes: int = 3, shape: tuple[int, ...] = (1, 6, 6), test: int = 40) -> Dataset:
    splits = {
        "train": split(30, classes, shape),
        "validation": split(10, classes, shape),
        "test": split(test, classes, shape),
    }
    kinds = ("labelled-pictures", "pictures")
    return Dataset("made-up", splits, kinds=kinds, classes=tuple("abcdefghij"[:classes]))


class Corner:
    """Says `b` as surely as the upper left corner of the picture is light."""

    def classify(self, inputs: Tensor) -> Tensor:
        light = inputs[:, :, :2, :2].float().mean((1, 2, 3)) / 255
        return torch.stack((1 - light, light, torch.zeros_like(light)), 1)


class Layered:
    """Shows layers of the shapes that it is given, and filters."""

    def __init__(self, filters: Tensor, **layers: Any) -> None:
        self._filters, self._layers = filters, layers

    def layers(self, inputs: Tensor) -> dict[str, Tensor]:
        return {name: torch.ones(len(inputs), *shape) for name, shape in self._layers.items()}

    def filters(self) -> Tensor:
        return self._filters


# The confusion matrix -------------------------------------------------------------------------


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


# The mistakes ---------------------------------------------------------------------------------


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


# Where it looks -------------------------------------------------------------------------------


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


# Weights and feature maps ---------------------------------------------------------------------


def test_a_tile_of_weights_is_symmetric_about_0() -> None:
    values = torch.tensor([[[-2.0, 0.0, 1.0, 2.0]]])
    tile = pixels(weight_tile(values))[0]
    assert tile[1].tolist() == [255, 255, 255]
    assert tile[0, 0] > tile[0, 2] + 50  # orange
    assert tile[3, 2] > tile[3, 0] + 50  # blue
    assert tile[2].tolist() == pixels(weight_tile(values / 2))[0, 2].tolist()  # its own scale
    flipped = pixels(weight_tile(-values))[0]
    assert flipped[0].tolist() == tile[3].tolist()
    colour = torch.zeros(3, 1, 2)
    colour[0, 0, 0], colour[2, 0, 1] = 4.0, -2.0
    assert pixels(weight_tile(colour))[0].tolist() == [[255, 128, 128], [128, 128, 64]]
    assert pixels(weight_tile(torch.zeros(1, 2, 2))).min() == 255


def test_orange_and_blue_grow_darker_from_0() -> None:
    ramp = diverging(np.linspace(0, 1, 50)).astype(int).sum(1)
    assert (np.diff(ramp) <= 0).all()
    other = diverging(np.linspace(0, -1, 50)).astype(int).sum(1)
    assert (np.diff(other) <= 0).all()
    assert abs(ramp - other).max() < 120  # one is not louder than the other


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (6, 1, 5, 5), (24, 3, 2, 2), (500, 1, 28, 28)])
def test_weights_fit_on_a_page(shape: tuple[int, ...]) -> None:
    image = weight_tiles(torch.randn(shape, generator=torch.Generator().manual_seed(0)))
    assert image.width < 1300
    if shape[0] > MOST_TILES:
        cut = weight_tiles(torch.zeros(MOST_TILES, *shape[1:]))
        assert image.height > cut.height  # it says how many more there are


@pytest.mark.parametrize("count", [1, 6, 26, 200, 3000])
def test_layers_fit_on_a_page(count: int) -> None:
    layers = {"maps": torch.rand(count, 9, 9), "one": torch.rand(count, 1, 1)}
    image = layer_rows(
        {**layers, "vector": torch.rand(count), "coarse": torch.rand(count).bfloat16()}
    )
    assert image.width < 900
    assert image.height < 700


def test_every_layer_has_its_row_and_its_own_scale() -> None:
    small, large = torch.full((2, 4, 4), 1e-3), torch.full((2, 4, 4), 1e3)
    both = pixels(layer_rows({"x": small, "y": large}))
    one = pixels(layer_rows({"x": large}))
    assert np.array_equal(both[: len(one)], one)
    dark = (both.sum(2) < 300).all(1)
    assert (np.diff(dark.astype(int)) == 1).sum() <= 2
    assert not np.array_equal(one, pixels(layer_rows({"x": -large})))


def test_large_pictures_are_made_smaller_and_small_ones_stay_sharp() -> None:
    assert enlarged(Image.new("L", (500, 250)), 100).size == (100, 50)
    checks = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8))
    assert np.unique(pixels(enlarged(checks, 97))).tolist() == [0, 255]
    assert enlarged(Image.new("L", (1, 300)), 100).size == (1, 100)


def test_words_are_cut_to_their_room() -> None:
    assert words("a name that is much too long", width=80).width <= 80
    assert words("abc", width=80).width < 40
    assert words("0").height == words("gÄy").height
    assert page("a long title " * 99, "", words("short")).width < 600


# What a capability draws ----------------------------------------------------------------------


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


def test_a_model_that_explains_is_drawn() -> None:
    model = Layered(torch.randn(4, 1, 3, 3), conv=(4, 4, 4), out=(3,))
    check(model, dataset())
    assert list(explained(model, dataset())) == ["weights", "layers"]


def test_a_picture_of_no_class_is_named_so() -> None:
    model = Layered(torch.randn(4, 1, 3, 3), out=(3,))
    splits = dataset().splits
    drawn = explained(model, Dataset("unlabelled", splits, kinds=("pictures",)))["layers"]
    seen = splits["test"].inputs[0]
    title = "Layer by layer: a test picture"
    assert np.array_equal(pixels(drawn), pixels(feature_maps(seen, {"out": torch.ones(3)}, title)))


def test_what_a_model_of_vectors_does_is_not_drawn() -> None:
    split = Split(torch.rand(9, 5), torch.full((9,), -1))
    source = Dataset(
        "vectors", dict.fromkeys(("train", "validation", "test"), split), kinds=("vectors",)
    )
    model = Layered(torch.randn(4, 5), hidden=(4,))
    check(model, source)
    assert explained(model, source) == {}
    for wrong, complaint in (((4, 1, 5), r"not \(F, D\)"), ((4, 6), "6 channels, not 5")):
        with pytest.raises(AssertionError, match=complaint):
            check(Layered(torch.randn(wrong), hidden=(4,)), source)


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        (Layered(torch.zeros(4, 1, 3, 3)), "layers gave none"),
        (Layered(torch.zeros(4, 1, 3, 3), a=(2, 3)), "layer a gave"),
        (Layered(torch.zeros(4, 1, 3, 3), a=(0,)), "which is empty"),
        (Layered(torch.zeros(4, 9), a=(2,)), r"not \(F, C, H, W\)"),
        (Layered(torch.zeros(4, 2, 3, 3), a=(2,)), "filters have 2 channels, not 1"),
        (Layered(torch.full((4, 1, 3, 3), torch.nan), a=(2,)), "filters must be finite"),
    ],
)
def test_what_a_model_that_explains_must_give(model: Layered, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check(model, dataset())


# What a run leaves ----------------------------------------------------------------------------


def train(out: Path, model: str = "mlp", **more: Any) -> rockfall.Run:
    return rockfall.train(model, out=out, **{"preset": "tiny", "listeners": [], **more})


def left(run: rockfall.Run) -> set[str]:
    """The names of the model's pictures, without those made while it learned."""
    of_the_model, of_its_steps = pictures_in(run.directory.pictures)
    assert len(of_the_model) + len(of_its_steps) == len(list(run.directory.pictures.iterdir()))
    return {path.name for path in of_the_model}


def test_a_finished_run_leaves_its_pictures(tmp_path: Path) -> None:
    heard: list[rockfall.Event] = []
    run = train(tmp_path, listeners=[heard.append])
    assert left(run) == OF_A_CLASSIFIER | {"weights.png", "layers.png"}
    told = {Path(event.data["path"]).name for event in heard if event.kind == "picture"}
    steps = {"weights-11.png", "weights-22.png"}  # after the first epoch and the second
    assert told == left(run) | steps
    told_last = {Path(path).name for path in heard[-1].data["pictures"]}
    assert told_last == left(run)
    kinds = [event.kind for event in heard]
    evaluating = kinds.index("evaluating")
    assert kinds[:evaluating].count("picture") == len(steps)
    assert kinds[evaluating:].count("picture") == len(left(run))


def test_to_draw_changes_nothing(tmp_path: Path) -> None:
    run = train(tmp_path)
    source = rockfall.open_source("digits")
    state, generators = run.model.state_dict(), random_state()
    before = {name: tensor.clone() for name, tensor in state.items()}
    kept = {path: path.read_bytes() for path in pictures_in(run.directory.pictures)[0]}
    written = list(write_pictures(run.model, "mlp", source, run.directory.pictures))
    assert set(written) == set(kept)
    assert not difference(before, run.model.state_dict())
    assert not difference(generators, random_state())
    assert kept == {path: path.read_bytes() for path in written}


def test_a_full_disk_loses_no_result(tmp_path: Path) -> None:
    def refuse(path: Path, _: Any) -> None:
        raise RockfallError(f"can't write {path}: No space left on device")

    heard: list[rockfall.Event] = []
    with mock.patch("rockfall.kit.pictures.save", refuse):
        run = train(tmp_path, listeners=[heard.append])
    assert run.result is not None
    assert heard[-1].kind == "finished"
    *earlier, warning = [event.data["message"] for event in heard if event.kind == "warning"]
    assert all("No space left on device" in each for each in (*earlier, warning))
    assert len(earlier) == 2, "one a picture of a step"
    assert f"`rockfall show {run.directory.path}` draws again" in warning
    assert "\n" not in warning
    assert left(run) == set()


def test_killed_between_the_result_and_the_pictures(tmp_path: Path) -> None:
    with (
        mock.patch("rockfall.training.write_pictures", side_effect=KeyboardInterrupt),
        pytest.raises(rockfall.Interrupted, match=r"trained, and `rockfall show .*mlp-digits-1`"),
    ):
        train(tmp_path)
    heard: list[rockfall.Event] = []
    run = rockfall.resume("mlp-digits-1", out=tmp_path, listeners=[heard.append])
    assert [event.kind for event in heard] == ["finished"]
    assert heard[0].data["result"] == run.result


# The confusion matrix ----------------------------------------------------------------------------


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


# A capability of a third party ----------------------------------------------------------------


def stranger_draws(model: Any, source: Any) -> dict[str, Any]:
    assert not torch.is_grad_enabled()
    torch.rand(1)
    return {"noise": torch.randint(256, (3, 5, 5), dtype=torch.uint8)}


def names_it_badly(model: Any, source: Any) -> dict[str, Any]:
    return {"../noise": torch.zeros(1, 5, 5, dtype=torch.uint8)}


def names_it_as_the_curves(model: Any, source: Any) -> dict[str, Any]:
    return {"curves": torch.zeros(1, 5, 5, dtype=torch.uint8)}


def names_it_as_another(model: Any, source: Any) -> dict[str, Any]:
    return {"confusion": torch.zeros(1, 5, 5, dtype=torch.uint8)}


def breaks(model: Any, source: Any) -> dict[str, Any]:
    raise ZeroDivisionError("by nothing")


def draws_no_picture(model: Any, source: Any) -> dict[str, Any]:
    return {"noise": [1, 2]}


@pytest.fixture
def dreamer() -> Iterator[Callable[[Any], None]]:
    """`dreamer(draw)` registers a model like `mlp` that `dreams`, drawn so, and classifies."""

    def register(draw: Any) -> None:
        capability = CapabilitySpec(
            name="dreams",
            summary="dreams",
            target=f"{__name__}:Corner",
            pictures=f"{__name__}:{draw.__name__}",
        )
        spec = registry().models.find("mlp").spec
        able = replace(spec, name="dreamer", capabilities=("dreams", "classifies"))
        registry().capabilities.add("stranger", capability)
        registry().models.add("rockfall-vision", able)

    registry.cache_clear()
    yield register
    registry.cache_clear()


def test_a_third_party_s_pictures_are_left_too(
    dreamer: Callable[[Any], None], tmp_path: Path
) -> None:
    dreamer(stranger_draws)
    run = train(tmp_path, model="dreamer")
    assert left(run) == OF_A_CLASSIFIER | {"noise.png"}
    noise = run.directory.pictures / "noise.png"
    before = pixels(noise)
    assert before.shape == (5, 5, 3)
    (again,) = {path for path in draw(run) if path.stem == "noise"}
    assert np.array_equal(before, pixels(again))


@pytest.mark.long
@pytest.mark.parametrize(
    ("drawing", "complaint", "leaves"),
    [
        (names_it_badly, "picture name '../noise': use lower-case letters", OF_A_CLASSIFIER),
        (names_it_as_the_curves, "picture name 'curves' is taken", OF_A_CLASSIFIER),
        (names_it_as_another, "picture name 'confusion' is taken", {"confusion.png"}),
        (
            breaks,
            r"not all that dreams is drawn: ZeroDivisionError\('by nothing'\)",
            OF_A_CLASSIFIER,
        ),
        (draws_no_picture, "not all that dreams is drawn: AttributeError", OF_A_CLASSIFIER),
    ],
)
def test_a_third_party_that_fails_costs_no_other_picture(
    drawing: Any, complaint: str, leaves: set[str], dreamer: Callable[[Any], None], tmp_path: Path
) -> None:
    dreamer(drawing)
    heard: list[rockfall.Event] = []
    run = train(tmp_path, model="dreamer", listeners=[heard.append])
    assert heard[-1].kind == "finished"
    (warning,) = [event.data["message"] for event in heard if event.kind == "warning"]
    assert re.search(complaint, warning)
    assert "\n" not in warning
    assert left(run) == leaves
    with pytest.raises(RockfallError, match=complaint):
        draw(run)


# As typed -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Runs `reads` of `mlp`, `guesses` of a classifier without layers, and `a.png`, `b.png`."""
    path = tmp_path_factory.mktemp("work")
    for name in ("a", "b"):
        Image.new("RGB", (20, 30), "white").save(path / f"{name}.png")
    with toys(path / "site"):
        for spoken in (
            ("mlp", "--preset", "tiny", "--name", "reads"),
            ("guesser", "--name", "guesses"),
        ):
            assert typed(path, "train", *spoken).returncode == 0
        yield path


def test_show_draws_anew(folder: Path) -> None:
    drawn = folder / "runs/reads/pictures"
    for picture in drawn.iterdir():
        picture.unlink()
    (drawn / "made-12.png").touch()
    lines = typed(folder, "show", "reads").stdout.splitlines()
    at = lines.index("pictures in runs/reads/pictures:")
    assert lines[at + 1].startswith("  of the model: confusion.png, mistakes.png, saliency.png")
    assert lines[at + 2] == "  while it learned: made-12.png"
    assert lines[at + 3] == "wrote runs/reads/pictures/curves.png"
    assert {path.name for path in drawn.iterdir()} > OF_A_CLASSIFIER
    (drawn / "made-12.png").unlink()


def test_show_draws_a_third_party_s_pictures(folder: Path) -> None:
    (folder / "runs/guesses/pictures/dream.png").unlink()
    data = json.loads(typed(folder, "show", "guesses", "--json").stdout)
    assert (data["warnings"], "dream.png" in data["pictures"]) == ([], True)
    assert pixels(folder / "runs/guesses/pictures/dream.png").shape == (4, 4, 3)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ('"source": "digits"', '"source": "lost"', "no source lost"),
        ('"model": "rockfall-vision:mlp"', '"model": "gone:mlp"', "no model named gone:mlp"),
    ],
)
def test_show_says_why_it_draws_nothing_and_goes_on(
    folder: Path, before: str, after: str, why: str
) -> None:
    record = folder / "runs/reads/run.json"
    text = record.read_text()
    assert before in text
    record.write_text(text.replace(before, after))
    done = typed(folder, "show", "reads")
    data = json.loads(typed(folder, "show", "reads", "--json").stdout)
    record.write_text(text)
    assert done.returncode == 0
    (line,) = [t for t in done.stdout.splitlines() if t.startswith("no new pictures of the model")]
    assert why in line
    assert data["warnings"] == [line]
    assert "wrote runs/reads/pictures/curves.png" in done.stdout


def test_show_of_a_run_without_a_checkpoint_has_nothing_to_draw(folder: Path) -> None:
    assert typed(folder, "train", "mlp", "--preset", "tiny", "--name", "young").returncode == 0
    for left_over in (folder / "runs/young/checkpoint").iterdir():
        left_over.unlink()
    (folder / "runs/young/result.json").unlink()
    done = typed(folder, "show", "young")
    assert done.returncode == 0
    assert "no new pictures" not in done.stdout


def test_explain(folder: Path) -> None:
    done = typed(folder, "classify", "reads", "a.png", "--explain", "seen")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2] == "wrote seen.png"
    with_layers = pixels(folder / "seen.png")
    done = typed(folder, "classify", "guesses", "a.png", "--explain", "without.png")
    assert "guesser does not explain, so without.png has no feature maps" in done.stdout
    without = pixels(folder / "without.png")
    assert len(with_layers) > len(without) + 100
    spoken = ("classify", "guesses", "a.png", "--explain", "j.png", "--top", "2", "--json")
    data = json.loads(typed(folder, *spoken).stdout)
    assert data["explained"] == "j.png"
    assert (folder / "j.png").exists()
    assert "explained" not in json.loads(
        typed(folder, "classify", "guesses", "a.png", "--json").stdout
    )


@pytest.mark.parametrize(
    ("spoken", "code", "complaint"),
    [
        (
            ("a.png", "b.png", "--explain", "c.png"),
            2,
            "--explain writes one picture about one PICTURE",
        ),
        (("a.png", "--explain", "a.png"), 2, "--explain a.png would overwrite the picture"),
        (("a.png", "--explain", "c.jpg"), 2, "what is written is a PNG, say c.png"),
        (("a.png", "--explain", "no/c.png"), 1, "there is no folder no"),
        (("a.png", "--explain", "."), 2, "is a folder"),
        (("lost.png", "--explain", "c.png"), 2, "'lost.png' does not exist"),
    ],
)
def test_what_can_not_be_explained(
    folder: Path, spoken: tuple[str, ...], code: int, complaint: str
) -> None:
    before = (folder / "a.png").read_bytes()
    done = typed(folder, "classify", "reads", *spoken)
    assert (done.returncode, done.stdout) == (code, "")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert (folder / "a.png").read_bytes() == before
    assert not (folder / "c.png").exists()
