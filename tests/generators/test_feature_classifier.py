"""Feature classifiers: their accuracy, what they take, and that they are what was published."""

from __future__ import annotations

import hashlib
import os
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from safetensors.torch import load
from torch.nn import functional as F

from rockfall.errors import RockfallError
from rockfall.kit import weights
from rockfall.sources.dataset import Dataset
from rockfall.sources.selection import keep_classes, resize
from rockfall_generators.feature_classifier import FeatureClassifier, feature_classifier_of
from rockfall_generators.feature_classifiers import network, train
from tests.generators.stand_ins import dataset, opened

NAMES = sorted(network.ARCHITECTURES)
ACCURACY = {"digits": 0.98, "mnist": 0.993}


def available(name: str) -> Dataset:
    """The dataset, or the test is skipped: none is downloaded here."""
    if name != "digits" and not Path(os.environ.get("ROCKFALL_DATA", ""), name).is_dir():
        pytest.skip(f"ROCKFALL_DATA has no {name}")
    return opened(name)


def classifier_of(data: Dataset) -> FeatureClassifier:
    found = feature_classifier_of(data.info)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return opened("digits")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small_and_in_half_precision(name: str) -> None:
    content = (
        files("rockfall_generators.feature_classifiers") / f"{name}.safetensors"
    ).read_bytes()
    assert len(content) <= 150_000
    assert {tensor.dtype for tensor in load(content).values()} == {torch.float16}
    assert network.ARCHITECTURES[name].features == {"digits": 32, "mnist": 64}[name]


@pytest.mark.parametrize("name", NAMES)
def test_it_classifies_the_test_split(name: str) -> None:
    data = available(name)
    probabilities = classifier_of(data).probabilities(data.test.inputs)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(len(data.test)))
    right = probabilities.argmax(1) == data.test.labels
    assert right.double().mean() >= ACCURACY[name]


@pytest.mark.parametrize("name", NAMES)
def test_its_features_have_one_scale_and_lead_to_its_classes(name: str) -> None:
    data = available(name)
    mine, some = classifier_of(data), data.train.evenly_spaced(2000).inputs
    features = mine.features(some)
    assert features.shape == (len(some), network.ARCHITECTURES[name].features)
    assert features.dtype == torch.float32
    # Not exactly: it was trained on pictures that were moved, and these are not.
    assert features.mean(0).abs().max() < 0.5
    assert ((features.std(0) > 0.5) & (features.std(0) < 2)).all()
    assert torch.equal(mine.predict(features), mine.probabilities(some).argmax(1))
    assert torch.equal(mine.classify(some), mine.predict(features))


def test_features_of_a_picture_are_its_own(digits: Dataset) -> None:
    mine, inputs = classifier_of(digits), digits.test.inputs[:300]
    alone = torch.cat([mine.features(picture[None]) for picture in inputs[::60]])
    torch.testing.assert_close(mine.features(inputs)[::60], alone, rtol=1e-4, atol=1e-4)


def test_pictures_of_another_size_are_brought_to_its_own(digits: Dataset) -> None:
    larger = resize(digits, 24)
    mine = classifier_of(larger)
    given = F.interpolate(
        larger.test.inputs.float(), (8, 8), mode="bilinear", antialias=True, align_corners=False
    )
    torch.testing.assert_close(
        mine.features(larger.test.inputs), classifier_of(digits).features(given)
    )
    right = mine.classify(larger.test.inputs) == larger.test.labels
    assert right.double().mean() > 0.9


def test_of_some_classes_it_tells_these_from_all_others(digits: Dataset) -> None:
    mine = classifier_of(keep_classes(digits, ("7", "3")))
    own = mine.classify(digits.test.inputs)
    expected = torch.full_like(own, -1)
    expected[digits.test.labels == 3] = 0
    expected[digits.test.labels == 7] = 1
    assert (own == expected).double().mean() > 0.98


def test_what_it_has_not_learned_has_no_classifier(digits: Dataset) -> None:
    inputs, labels = digits.test[:]
    pair = labels.clamp_max(1)
    letters = dataset(inputs, inputs, (pair, pair), ("a", "b"), name="digits")
    colour = inputs.expand(-1, 3, -1, -1)
    colours = dataset(colour, colour, (pair, pair), ("0", "1"), name="digits")
    vectors = dataset(torch.rand(4, 64), torch.rand(4, 64), name="digits")
    other = dataset(inputs, inputs, (pair, pair), ("0", "1"), name="fashion")
    unlabelled = dataset(inputs, inputs, name="digits")
    for data in (letters, colours, vectors, other, unlabelled):
        assert feature_classifier_of(data.info) is None


def test_a_changed_file_is_refused(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (files("rockfall_generators.feature_classifiers") / "digits.safetensors").read_bytes()
    (tmp_path / "digits.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    monkeypatch.setattr(weights, "files", lambda package: tmp_path)
    with pytest.raises(RockfallError, match=r"digits\.safetensors are damaged.*install") as caught:
        feature_classifier_of(digits.info)
    assert "\n" not in str(caught.value)
    (tmp_path / "digits.safetensors").unlink()
    with pytest.raises(RockfallError, match=r"can't read the weights .*No such file"):
        feature_classifier_of(digits.info)


@pytest.mark.long
def test_made_anew_it_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(train.RECIPES, "digits", train.Recipe(epochs=1, batch_size=64, shift=1))
    contents = []
    for number in range(2):
        torch.manual_seed(number)
        path = tmp_path / f"{number}.safetensors"
        train.main(["digits", "--to", str(path)])
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    said = capsys.readouterr().out
    assert "test accuracy" in said
    assert f"SHA-256 {hashlib.sha256(contents[0]).hexdigest()} (to go into network.py)" in said


def test_it_learns_from_training_pictures_alone(digits: Dataset) -> None:
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setitem(train.RECIPES, "digits", train.Recipe(epochs=1, batch_size=64, shift=1))
        first = train.train("digits", digits)
        others = {**digits.splits, "test": digits.train, "validation": digits.train}
        second = train.train("digits", digits.with_splits(others, digits.info.classes))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.slow
def test_the_published_classifier_of_digits_can_be_trained_again(digits: Dataset) -> None:
    """Elsewhere sums are rounded otherwise, so it need not be the same to the bit."""
    made = train.train("digits", digits)
    assert train.accuracy(made, digits.test) >= ACCURACY["digits"]
