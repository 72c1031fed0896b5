"""What is said of generators of which it is known how good they are."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor
from torch.nn import functional as F

from rockfall.kit.drawing.sheets import in_rows, sheet
from rockfall.kit.measurements import Measurements
from rockfall.kit.randomness import fork_rng
from rockfall.sources.dataset import Dataset
from rockfall.sources.selection import keep_classes, resize
from rockfall_capabilities.samples.pictures import SAMPLES
from rockfall_generators import generates
from rockfall_generators.generates import evaluate
from rockfall_generators.neighbours import nearest_neighbours
from rockfall_generators.sliced import patch_distances
from tests.generators.stand_ins import ConditionalSampler, Sampler, dataset, one_of, opened

CLASSIFIED = {
    "Fréchet distance",
    "precision",
    "recall",
    "classes covered",
    "class entropy",
    "nearest training neighbour",
}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return opened("digits")


@pytest.fixture(scope="module")
def ring() -> Dataset:
    return opened("ring")


def measured(model: Any, source: Dataset, limit: int | None = None, seed: int = 5) -> Measurements:
    """Whatever it says must fit into a result: numbers only, each with an error and a count."""
    with fork_rng(seed):
        found = evaluate(model, source, seed=seed, limit=limit)
    json.dumps(found, allow_nan=False)
    for each in found.values():
        assert each["error"] >= 0 and each["count"] > 0
        assert all(theirs["error"] >= 0 for theirs in each.get("baselines", {}).values())
    return found


def beside(figure: dict[str, Any]) -> float:
    """The value of its only baseline."""
    ((_, baseline),) = figure["baselines"].items()
    return float(baseline["value"])


def of_class(data: Dataset, label: int) -> Tensor:
    return data.train.inputs[data.train.labels == label]


# Pictures with a feature classifier -------------------------------------------------------------


@pytest.mark.long
def test_the_floor_of_digits_is_stable(digits: Dataset) -> None:
    """Training examples are near to the test split, whichever of them are taken."""
    model = one_of(digits.train.inputs)
    floors = [beside(measured(model, digits, seed=seed)["Fréchet distance"]) for seed in range(4)]
    assert all(0 < floor < 1.5 for floor in floors)
    assert np.std(floors) < 0.2
    # Which seed samples are drawn by changes nothing of it, and which chooses the examples does.
    with fork_rng(seed=9):
        again = evaluate(model, digits, seed=0)
    assert beside(again["Fréchet distance"]) == floors[0] != floors[1]


def test_what_copies_is_as_good_as_training_examples_and_told_off(digits: Dataset) -> None:
    found = measured(one_of(digits.train.inputs), digits)
    assert found.keys() == CLASSIFIED
    assert found["Fréchet distance"]["value"] < 1.5 * beside(found["Fréchet distance"])
    for name in ("precision", "recall"):
        assert found[name]["value"] == pytest.approx(beside(found[name]), abs=0.08)
    assert found["precision"]["value"] > 0.8
    assert found["classes covered"]["value"] == 10 == beside(found["classes covered"])
    assert found["class entropy"]["value"] == pytest.approx(math.log(10), abs=0.03)
    assert found["nearest training neighbour"]["value"] == 0
    assert "100%" in found["nearest training neighbour"]["note"]
    assert found["precision"]["count"] == 3 * len(digits.test)


def test_what_is_new_and_good_is_not_told_off(digits: Dataset) -> None:
    """Pictures held out: what an ideal generator would make."""
    halves = torch.arange(len(digits.test)) % 2 == 0
    rest = digits.test.inputs[~halves]
    splits = {**digits.splits, "test": type(digits.test)(*digits.test[halves])}
    found = measured(one_of(rest), digits.with_splits(splits, digits.info.classes))
    near = found["nearest training neighbour"]
    assert "note" not in near
    assert near["value"] == pytest.approx(beside(near), rel=0.1)
    assert found["Fréchet distance"]["value"] < 4
    assert found["precision"]["value"] > 0.8


def test_what_makes_one_class_covers_one(digits: Dataset) -> None:
    found = measured(one_of(of_class(digits, 4)), digits)
    assert found["classes covered"]["value"] == 1
    assert found["classes covered"]["note"] == "missing: 0, 1, 2, 3, 5, 6, 7, 8, 9"
    assert found["class entropy"]["value"] < 0.05
    assert found["Fréchet distance"]["value"] > 20 * beside(found["Fréchet distance"])
    assert found["precision"]["value"] > 0.8
    assert found["recall"]["value"] < 0.25


def test_noise_is_far_from_digits(digits: Dataset) -> None:
    found = measured(Sampler(lambda count: torch.randint(256, (count, 1, 8, 8)).byte()), digits)
    assert found["Fréchet distance"]["value"] > 20 * beside(found["Fréchet distance"])
    assert found["precision"]["value"] < 0.5 * beside(found["precision"])
    assert found["recall"]["value"] < 0.2
    near = found["nearest training neighbour"]
    assert near["value"] > 3 * beside(near) and "note" not in near


def test_one_picture_again_and_again_recalls_nothing(digits: Dataset) -> None:
    found = measured(one_of(digits.test.inputs[:1]), digits)
    assert found["precision"]["value"] == 1
    assert found["recall"]["value"] == pytest.approx(1 / len(digits.test))
    assert found["class entropy"]["value"] == 0


@pytest.mark.long
def test_worse_pictures_are_further_away(digits: Dataset) -> None:
    def grained(deviation: float) -> Sampler:
        def sample(count: int) -> Tensor:
            made = one_of(digits.train.inputs).sample(count).float()
            return (made + deviation * torch.randn_like(made)).clamp(0, 255).round().byte()

        return Sampler(sample)

    found = [measured(grained(by), digits)["Fréchet distance"]["value"] for by in (0, 25, 50, 100)]
    assert found == sorted(found) and found[-1] > 5 * found[0]
    # Specks hide no digit: a classifier that was never trained on any would miss classes.
    assert measured(grained(30), digits)["classes covered"]["value"] == 10


def test_told_a_class_it_should_make_it(digits: Dataset) -> None:
    def right(labels: Tensor) -> Tensor:
        groups = [of_class(digits, label) for label in labels.tolist()]
        return torch.stack([group[torch.randint(len(group), ())] for group in groups])

    found = measured(ConditionalSampler(right, 10), digits)["class agreement"]
    assert found["value"] > 0.98 and beside(found) > 0.98
    assert found["count"] == len(digits.test)
    found = measured(ConditionalSampler(lambda labels: right((labels + 1) % 10), 10), digits)
    assert found["class agreement"]["value"] < 0.05
    assert found["classes covered"]["value"] == 10


def test_of_one_class_and_of_another_size(digits: Dataset) -> None:
    sevens = keep_classes(digits, ("7",))
    found = measured(one_of(sevens.train.inputs), sevens)
    assert found.keys() == CLASSIFIED
    assert found["classes covered"]["value"] == 1 and "note" not in found["classes covered"]
    found = measured(one_of(of_class(digits, 1)), sevens)
    assert found["classes covered"]["value"] == 0
    large = resize(digits, 12)
    found = measured(one_of(large.train.inputs), large)
    assert found["classes covered"]["value"] == 10


def test_a_class_that_is_not_there_is_not_asked_for(digits: Dataset) -> None:
    sevens = keep_classes(digits, ("7",))
    model = ConditionalSampler(lambda labels: sevens.train.inputs[: len(labels)], 1)
    assert "class agreement" not in measured(model, sevens)


# Anything else ----------------------------------------------------------------------------------


ANYTHING = {
    "Fréchet distance",
    "precision",
    "recall",
    "patch distance",
    "colour distance",
    "nearest training neighbour",
}


@pytest.fixture(scope="module")
def photographs() -> Dataset:
    """Patches of a photograph in colour, 16 × 16: 120 to learn from, 60 to test by."""
    picture = torch.tensor(load_sample_image("flower.jpg")).permute(2, 0, 1)
    tiles = picture.unfold(1, 16, 16).unfold(2, 16, 16).flatten(1, 2).transpose(0, 1)
    tiles = tiles[torch.randperm(len(tiles), generator=torch.Generator().manual_seed(0))]
    return dataset(tiles[:120].contiguous(), tiles[120:180].contiguous())


def test_pictures_of_anything_are_measured(photographs: Dataset) -> None:
    train = photographs.train.inputs
    found = measured(one_of(train), photographs)
    assert found.keys() == ANYTHING
    for name in ("Fréchet distance", "patch distance", "colour distance"):
        assert found[name]["value"] < 1.5 * beside(found[name]), name
    assert "cifar-vgg" in found["Fréchet distance"]["note"]
    assert "16 pixels" in found["patch distance"]["note"]
    darker = measured(Sampler(lambda count: one_of(train).sample(count) // 2), photographs)
    for name in ("Fréchet distance", "patch distance", "colour distance"):
        assert darker[name]["value"] > 1.5 * found[name]["value"], name
    noise = Sampler(lambda count: torch.randint(256, (count, 3, 16, 16)).byte())
    assert measured(noise, photographs)["patch distance"]["value"] > 3 * beside(
        found["patch distance"]
    )
    near = found["nearest training neighbour"]
    assert near["note"].startswith("memorisation")


def test_what_is_blurred_shows_at_the_finest_scale_alone(photographs: Dataset) -> None:
    train = photographs.train.inputs
    blurred = F.interpolate(F.avg_pool2d(train.float(), 2), scale_factor=2).byte()
    fine, coarse = (
        patch_distances(each, photographs.test.inputs)[side]
        / patch_distances(train, photographs.test.inputs)[side]
        for side, each in ((16, blurred), (8, blurred))
    )
    assert fine > 1.3 > 1.1 > coarse


def test_collapse_is_said_in_words(digits: Dataset, photographs: Dataset) -> None:
    for source in (digits, photographs):
        few = measured(one_of(source.train.inputs[:2]), source)
        assert few["precision"]["value"] > 0.5
        assert few["recall"]["note"].startswith("mode collapse")
        assert "see recall" in few["precision"]["note"]
        many = measured(one_of(source.train.inputs), source)
        assert "note" not in many["recall"] and "note" not in many["precision"]


def test_an_ideal_sampler_of_the_ring(ring: Dataset) -> None:
    angles = torch.arange(8) * (math.pi / 4)
    centres = 2 * torch.stack((angles.cos(), angles.sin()), 1)

    def at(labels: Tensor, deviation: float = 0.02) -> Tensor:
        return centres[labels] + deviation * torch.randn(len(labels), 2)

    found = measured(ConditionalSampler(at, 8), ring)
    assert found["modes covered"]["value"] == 8 and "note" not in found["modes covered"]
    # Of two coordinates, 1 − exp(−9/2) lie within three standard deviations.
    assert found["high-quality samples"]["value"] == pytest.approx(1 - math.exp(-4.5), abs=0.006)
    assert found["class agreement"]["value"] > 0.99
    assert found["Fréchet distance"]["value"] < 0.02
    assert "note" not in found["nearest training neighbour"]

    found = measured(Sampler(lambda count: at(torch.randint(3, (count,)))), ring)
    assert found["modes covered"]["value"] == 3
    assert found["modes covered"]["note"] == "missing: 3, 4, 5, 6, 7"
    assert found["high-quality samples"]["value"] > 0.98
    assert found["Fréchet distance"]["value"] > 100 * beside(found["Fréchet distance"])

    found = measured(Sampler(lambda count: at(torch.randint(8, (count,)), 1.0)), ring)
    assert found["modes covered"]["value"] == 0
    assert found["high-quality samples"]["value"] < 0.05


def test_what_two_moments_take_for_the_ring_is_far_from_it(ring: Dataset) -> None:
    """A Gaussian of its mean and covariance."""
    found = measured(Sampler(lambda count: math.sqrt(2) * torch.randn(count, 2)), ring)
    assert found["Fréchet distance"]["value"] < 0.05
    sliced = found["sliced Wasserstein distance"]
    assert sliced["value"] > 5 * beside(sliced)


def test_the_gaussian() -> None:
    data = opened("gaussian-1d")
    found = measured(Sampler(lambda count: 4 + math.sqrt(0.5) * torch.randn(count, 1)), data)
    assert found.keys() == {
        "mean",
        "variance",
        "Kolmogorov–Smirnov",
        "nearest training neighbour",
    }
    assert found["mean"]["value"] == pytest.approx(4, abs=4 * found["mean"]["error"])
    assert found["variance"]["value"] == pytest.approx(0.5, abs=4 * found["variance"]["error"])
    assert found["mean"]["error"] == pytest.approx(math.sqrt(0.5 / 6000), rel=0.05)
    # A Gaussian's squared deviations have variance 2 σ⁴.
    assert found["variance"]["error"] == pytest.approx(math.sqrt(2 * 0.25 / 6000), rel=0.1)
    assert found["Kolmogorov–Smirnov"]["value"] < 0.06
    found = measured(Sampler(lambda count: torch.full((count, 1), 4.0)), data)
    assert found["variance"]["value"] == 0
    assert found["Kolmogorov–Smirnov"]["value"] == pytest.approx(0.5, abs=0.03)


# What could go wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1,), (2,), (1, 3, 3)])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_examples(shape: tuple[int, ...], count: int) -> None:
    inputs = torch.randn(count, *shape)
    zeros = torch.zeros(count, dtype=torch.int64)
    data = dataset(inputs, inputs, (zeros, zeros), ("only",))
    assert measured(one_of(inputs), data)
    assert measured(ConditionalSampler(lambda labels: inputs[labels], 1), data, limit=1)


def test_few_digits(digits: Dataset) -> None:
    for limit in (1, 2, 4):
        assert measured(one_of(digits.train.inputs), digits, limit).keys() == CLASSIFIED


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_samples_that_are_no_numbers(ring: Dataset, value: float) -> None:
    def sample(count: int) -> Tensor:
        made = one_of(ring.train.inputs).sample(count)
        made[::4] = value
        return made

    found = measured(Sampler(sample), ring)
    assert found["finite samples"]["value"] == 0.75
    assert "NaN" in found["finite samples"]["note"]
    assert found["modes covered"]["value"] == 8
    assert found["modes covered"]["count"] == 4500
    found = measured(Sampler(lambda count: torch.full((count, 2), value)), ring)
    assert found.keys() == {"finite samples"} and found["finite samples"]["value"] == 0


def test_huge_samples(ring: Dataset) -> None:
    found = measured(Sampler(lambda count: torch.full((count, 2), 3e38)), ring)
    assert found["Fréchet distance"]["value"] > 1e75
    assert found["modes covered"]["value"] == 0


# The kit and the picture ------------------------------------------------------------------------


def test_the_kit_asks_for_figures_that_the_seed_decides(digits: Dataset, ring: Dataset) -> None:
    generates.check(one_of(digits.train.inputs), digits)
    generates.check(one_of(ring.train.inputs), ring)
    unseeded = torch.Generator()

    def sample(count: int) -> Tensor:
        return torch.randint(256, (count, 1, 8, 8), generator=unseeded).byte()

    with pytest.raises(AssertionError, match="the same seed must give the same figures"):
        generates.check(Sampler(sample), digits)


def test_samples_are_drawn_above_what_they_are_most_like(digits: Dataset) -> None:
    def sample(count: int) -> Tensor:
        made = digits.train.inputs[torch.randint(1000, (count,))].int() + 20
        return made.clamp_max(255).byte()

    with fork_rng(seed=0):
        drawn = generates.pictures(Sampler(sample), digits)
    with fork_rng(seed=0):
        made = sample(SAMPLES)[:36]
    like = digits.train.inputs[nearest_neighbours(made, digits.train.inputs).rows]
    rows = []
    for (_, new), (_, old) in zip(in_rows(made, 12), in_rows(like, 12), strict=True):
        rows += [("sample", new), ("training example", old)]
    assert drawn.keys() == {"neighbours"}
    assert np.array_equal(np.asarray(drawn["neighbours"]), np.asarray(sheet(rows)))
    assert generates.pictures(Sampler(lambda n: torch.rand(n, 2)), opened("ring")) == {}
