"""The linear probe, and the figure that it gives a model that encodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from rockfall.errors import RockfallError
from rockfall.sources.dataset import Batch, Dataset, Split
from rockfall_capabilities.encodes import evaluation, probe
from rockfall_capabilities.encodes import features as extraction

CLASSES = 3


def examples(count: int, seed: int) -> Batch:
    """Vectors (N, 20), of which the first three say a little of the class, of unlike scales."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % CLASSES
    vectors = 0.7 * torch.randn(count, 20, generator=generator)
    vectors[:, :CLASSES] += torch.nn.functional.one_hot(labels, CLASSES)
    return Batch(3 + vectors * torch.logspace(-2, 2, 20), labels)


def parts(seed: int = 0) -> tuple[Batch, Batch, Batch]:
    return examples(60, seed), examples(200, seed + 1), examples(100, seed + 2)


def by_hand(train: Batch, validation: Batch, test: Batch) -> tuple[Tensor, list[int], list[int]]:
    """What is right about the test examples; how many are with each C, in validation and test."""

    def numbers(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        return batch.inputs.flatten(1).double().numpy(), batch.labels.numpy()

    right: dict[str, list[np.ndarray]] = {"validation": [], "test": []}
    for strength in probe.STRENGTHS:
        logistic = LogisticRegression(C=strength, tol=1e-6, max_iter=5000)
        model = make_pipeline(StandardScaler(), logistic).fit(*numbers(train))
        for name, batch in (("validation", validation), ("test", test)):
            inputs, labels = numbers(batch)
            right[name].append(model.predict(inputs) == labels)
    counts, in_test = ([int(each.sum()) for each in right[name]] for name in right)
    best = counts.index(max(counts))
    return torch.from_numpy(right["test"][best]).float(), counts, in_test


@pytest.mark.parametrize(("seed", "chosen"), [(66, 0.01), (0, 0.1), (18, 1.0), (33, 10.0)])
def test_it_is_scikit_learn_with_the_c_that_validation_chooses(seed: int, chosen: float) -> None:
    expected, in_validation, in_test = by_hand(*parts(seed))
    found = probe.probe(*parts(seed))
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)
    index = probe.STRENGTHS.index(chosen)
    assert in_validation[index] == max(in_validation)
    if seed == 0:  # and not what the test split would have chosen
        assert in_test[index] < max(in_test)


def test_constant_columns_and_scales_do_not_matter() -> None:
    plain = probe.probe(*parts())

    def padded(batch: Batch, constants: tuple[float, ...]) -> Batch:
        columns = torch.tensor(constants).expand(len(batch.labels), -1)
        return Batch(torch.cat((columns, 1000 * batch.inputs - 5), 1), batch.labels)

    train, validation, test = parts()
    same = (0.0, 0.1, 1e6)
    found = probe.probe(
        padded(train, same), padded(validation, same), padded(test, (5.0, -0.1, 2e6))
    )
    assert torch.equal(found, plain)


def test_pictures_are_taken_as_they_are_and_left_so() -> None:
    def pictures(batch: Batch) -> Batch:
        levels = (batch.inputs[:, :16] / torch.logspace(-2, 2, 20)[:16] * 10 + 100).byte()
        return Batch(levels.view(-1, 1, 4, 4), batch.labels)

    bytes_ = [pictures(batch) for batch in parts()]
    floats = [Batch(batch.inputs.flatten(1).float(), batch.labels) for batch in bytes_]
    kept = [batch.inputs.clone() for batch in (*bytes_, *floats)]
    assert torch.equal(probe.probe(*bytes_), by_hand(*bytes_)[0])
    assert torch.equal(probe.probe(*floats), probe.probe(*bytes_))
    for batch, before in zip((*bytes_, *floats), kept, strict=True):
        assert torch.equal(batch.inputs, before)


def test_many_examples_are_classified_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = probe.probe(*parts())
    monkeypatch.setattr(probe, "BATCH", 7)
    assert torch.equal(probe.probe(*parts()), whole)


def test_a_fit_that_is_cut_short_warns_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "MAX_ITERATIONS", 2)
    probe.probe(*parts())


@pytest.mark.parametrize("part", [0, 1, 2])
def test_features_that_are_not_finite(part: int) -> None:
    given = list(parts())
    given[part].inputs[3, 4] = torch.nan
    with pytest.raises(RockfallError, match="not finite"):
        probe.probe(*given)


# The figure ------------------------------------------------------------------------------------


def dataset(shape: tuple[int, ...] = (1, 2, 3), train: int = 90, classes: int = CLASSES) -> Dataset:
    """Noise, sorted by class, whose first number alone says a little of the class."""
    splits = {}
    for seed, (name, count) in enumerate((("train", train), ("validation", 60), ("test", 120))):
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(count) * CLASSES // count
        inputs = torch.randint(0, 100, (count, *shape), generator=generator)
        inputs.flatten(1)[:, 0] += 50 * labels
        pictures = len(shape) == 3
        splits[name] = Split(inputs.byte() if pictures else inputs.float(), labels)
    return Dataset("made", splits, kinds=("pictures",), classes=tuple(map(str, range(classes))))


class First:
    """Its features are the first numbers, squared."""

    def __init__(self, features: int = 1) -> None:
        self.features = features
        self.given: list[Tensor] = []

    def encode(self, inputs: Tensor) -> Tensor:
        self.given.append(inputs)
        return inputs.flatten(1)[:, : self.features].float().square()


def whole(data: Dataset, change: Callable[[Tensor], Tensor] = lambda inputs: inputs) -> Tensor:
    """What a probe is right about with every example of the dataset."""
    train, validation, test = (
        Batch(change(split.inputs), split.labels)
        for split in (data.train, data.validation, data.test)
    )
    return by_hand(train, validation, test)[0]


@pytest.mark.parametrize(("shape", "name"), [((1, 2, 3), "raw pixels"), ((6,), "raw inputs")])
def test_features_are_probed_beside_the_inputs(shape: tuple[int, ...], name: str) -> None:
    data, model = dataset(shape), First()
    found = evaluation.evaluate(model, data)
    assert list(found) == ["probe accuracy"]
    figure = found["probe accuracy"]
    features = whole(data, First().encode)
    assert figure["value"] == pytest.approx(features.mean().item())
    assert figure["error"] == pytest.approx((features.std() / len(features) ** 0.5).item())
    assert figure["count"] == 120
    (baseline,) = figure["baselines"].items()
    assert baseline[0] == name
    assert baseline[1]["value"] == pytest.approx(whole(data).mean().item())
    assert figure["value"] != baseline[1]["value"]


def test_features_are_made_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = evaluation.evaluate(First(), dataset())
    monkeypatch.setattr(extraction, "BATCH", 50)
    model = First()
    assert evaluation.evaluate(model, dataset()) == expected
    assert max(map(len, model.given)) == 50


@pytest.mark.parametrize("classes", [0, 1])
def test_without_classes_there_is_nothing_to_probe(classes: int) -> None:
    model = First()
    assert evaluation.evaluate(model, dataset(classes=classes)) == {}
    assert not model.given


def test_a_limit_is_one_of_test_examples() -> None:
    figure = evaluation.evaluate(First(), dataset(), limit=30)["probe accuracy"]
    every_fourth = whole(dataset(), First().encode)[::4]
    assert figure["count"] == 30
    assert figure["value"] == pytest.approx(every_fourth.mean().item())


@pytest.mark.parametrize(
    ("name", "most"), [("MAX_TRAIN_EXAMPLES", 30), ("MAX_NUMBERS", 30 * 6 + 5)]
)
def test_of_many_or_large_examples_some_are_learned(
    name: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, name, most)
    data, model = dataset(), First()
    some = Split(*data.train[::3])  # evenly, for the split is sorted by class
    few = Dataset("few", {**data.splits, "train": some}, kinds=(), classes=data.info.classes)
    figure = evaluation.evaluate(model, data)["probe accuracy"]
    assert torch.equal(model.given[0], some.inputs)
    beside = figure["baselines"]["raw pixels"]["value"]
    assert beside == pytest.approx(whole(few).mean().item())
    assert beside != pytest.approx(whole(data).mean().item())


def test_of_many_validation_examples_some_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MAX_VALIDATION_EXAMPLES", 20)
    model = First()
    evaluation.evaluate(model, dataset())
    assert [len(given) for given in model.given] == [90, 20, 120]
    assert torch.equal(model.given[1], dataset().validation.inputs[::3])


def test_a_class_that_is_withheld_is_said_to_be() -> None:
    model: Any = First()
    assert "note" not in evaluation.evaluate(model, dataset())["probe accuracy"]
    model.withholds_class = True
    figure = evaluation.evaluate(model, dataset())["probe accuracy"]
    assert figure["note"].startswith("the class is withheld")
