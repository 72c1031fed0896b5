"""finetune: its head against scikit-learn's, its features against the kit's, and what it keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional as F

import rockfall
from rockfall import ConfigError, Dataset, Split, UsageError
from rockfall.kit.features import FEATURE_NETWORKS, FeatureNetwork, feature_network
from rockfall_vision.finetune import ROOT_EPSILON, Finetune, FinetuneConfig
from tests.vision.sources import info


def pictures(count: int, classes: int = 3, channels: int = 3, side: int = 32) -> Split:
    """Each class has a colour, hidden in noise."""
    generator = torch.Generator().manual_seed(count)
    labels = torch.arange(count) % classes
    hue = torch.rand((classes, channels, 1, 1), generator=torch.Generator().manual_seed(1))
    noise = torch.rand((count, channels, side, side), generator=generator)
    return Split((255 * (0.5 * hue[labels] + 0.5 * noise)).byte(), labels)


def dataset(count: int = 60, **how: Any) -> Dataset:
    splits = {"train": pictures(count, **how), "validation": pictures(12, **how)}
    splits["test"] = pictures(15, **how)
    classes = tuple(map(str, range(how.get("classes", 3))))
    return Dataset("coloured", splits, kinds=("labelled-pictures",), classes=classes)


def fitted(data: Dataset, **settings: Any) -> tuple[Finetune, rockfall.Run]:
    torch.manual_seed(0)
    model = Finetune(FinetuneConfig(**{"features": "random-vgg", **settings}), data.info)
    run = rockfall.Run.unrecorded(model, data.info, device="cpu", precision="float32", threads=1)
    model.fit(data, run)
    return model, run


def seen(inputs: Tensor, name: str = "random-vgg") -> Tensor:
    """What the head sees, step by step."""
    (maps,) = feature_network(name)(inputs.float() / 255).values()
    return (maps.mean((2, 3)) + ROOT_EPSILON).sqrt()


def scaled(features: Tensor, train: Tensor) -> Tensor:
    std = train.std(0, correction=0)
    return (features - train.mean(0)) / (std + 0.01 * std.mean()) / features.shape[1] ** 0.5


@pytest.mark.long
def test_the_head_is_scikit_learns_logistic_regression() -> None:
    data, l2 = dataset(), 0.3
    model, _ = fitted(data, l2=l2, head_steps=800)
    train, test = seen(data.train.inputs), seen(data.test.inputs)
    reference = LogisticRegression(C=1 / (2 * l2), tol=1e-8, max_iter=5000)
    reference.fit(scaled(train, train).numpy(), data.train.labels.numpy())
    expected = reference.predict_proba(scaled(test, train).numpy())
    np.testing.assert_allclose(model.classify(data.test.inputs).numpy(), expected, atol=5e-3)


@pytest.mark.long
def test_balanced_classes_are_scikit_learns_too() -> None:
    data = dataset()
    rare = torch.cat([torch.nonzero(data.train.labels == 0)[:3, 0], torch.arange(60)[20:]])
    data.splits["train"] = Split(*data.train[rare])
    model, _ = fitted(data, l2=0.3, head_steps=800, class_weights="balanced")
    train = seen(data.train.inputs)
    counts = torch.bincount(data.train.labels)
    weights = len(rare) / (3 * counts[data.train.labels].double())
    # Ours divides by the sum of the weights, which is N of balanced ones.
    assert weights.sum() == pytest.approx(len(rare))
    reference = LogisticRegression(
        C=1 / (2 * 0.3), tol=1e-8, max_iter=5000, class_weight="balanced"
    )
    reference.fit(scaled(train, train).numpy(), data.train.labels.numpy())
    expected = reference.predict_proba(scaled(train, train).numpy())
    np.testing.assert_allclose(model.classify(data.train.inputs).numpy(), expected, atol=5e-3)


def test_with_flips_it_learns_from_both_views_and_averages_them() -> None:
    data = dataset()
    model, run = fitted(data, flip=True)
    features, labels = model.views(data.train, run)
    both = torch.cat([seen(data.train.inputs), seen(data.train.inputs.flip(3))])
    assert features.shape == both.shape
    assert labels.tolist() == data.train.labels.repeat(2).tolist()
    torch.testing.assert_close(features.sort(0).values, both.sort(0).values, rtol=1e-4, atol=1e-4)
    inputs = data.test.inputs
    torch.testing.assert_close(model.classify(inputs), model.classify(inputs.flip(3)))


@pytest.mark.long
def test_frozen_features_stay_as_they_were_and_others_learn() -> None:
    data = dataset()
    frozen, _ = fitted(data)
    weights = feature_network("random-vgg").state_dict()
    for name, place in (("conv1_1", 0), ("conv5_1", 12)):
        held = frozen.network.get_submodule(name).weight
        assert torch.equal(held, weights[f"features.{place}.weight"]), name
    tuned, run = fitted(data, frozen=False, epochs=2, shift=1)
    assert not torch.equal(tuned.network.conv5_1.weight, frozen.network.conv5_1.weight)
    assert run.step == 200 + 2 * 2
    assert all(p.isfinite().all() for p in tuned.parameters())


def test_black_pictures_leave_slopes_finite() -> None:
    """Where a unit is never active, its root mean is that of the ε alone."""
    data = dataset()
    data.splits["train"].inputs[:20] = 0
    model, _ = fitted(data, frozen=False, epochs=1, head_steps=2)
    assert all(p.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 40, 28), (3, 32, 32), (3, 160, 90), (3, 1, 7)])
@pytest.mark.parametrize("features", ["random-vgg", "cifar-vgg"])
def test_it_takes_pictures_of_any_size(features: str, shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    model = Finetune(FinetuneConfig(features=features), info(shape))
    given = torch.randint(256, (3, *shape), dtype=torch.uint8)
    assert model.classify(given).shape == (3, 10)
    grey = given[:, :1].expand(-1, 3, -1, -1)
    if shape[0] == 1:
        coloured = Finetune(FinetuneConfig(features=features), info((3, *shape[1:])))
        torch.testing.assert_close(model.preprocess(given), coloured.preprocess(grey))


def test_other_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="1 or 3 channels"):
        Finetune(FinetuneConfig(), info((2, 8, 8)))


@pytest.mark.parametrize("name", FEATURE_NETWORKS)
def test_every_feature_network_has_the_width_that_it_says(name: str) -> None:
    architecture = FEATURE_NETWORKS[name].architecture
    (maps,) = FeatureNetwork(architecture, "imagenet")(torch.zeros(1, 3, 32, 32)).values()
    assert maps.shape[1] == architecture.width


@pytest.mark.long
def test_weights_in_a_file_are_found_by_their_shapes_and_needed_no_more(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    network = feature_network("random-vgg")
    weights = {name: 2 * values.contiguous() for name, values in network.state_dict().items()}
    save_file(weights, path)
    run = rockfall.train(
        "finetune",
        "digits",
        config={"features": str(path), "normalisation": "imagenet", "head_steps": 5},
        out=tmp_path,
        listeners=[],
    )
    assert run.record.config["architecture"] == "random VGG"
    path.unlink()
    opened = rockfall.open_run(run.directory.path)
    digits = rockfall.open_source("digits")
    assert isinstance(digits, Dataset)
    inputs = digits.test.inputs[:4]
    assert torch.equal(opened.model.classify(inputs), run.model.classify(inputs))


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"features": "here.safetensors"}, "need normalisation"),
        ({"features": "squeezent"}, "did you mean squeezenet"),
        ({"features": "./none.safetensors", "normalisation": "caffe"}, "no such file"),
        ({"architecture": "VGG11"}, "no architecture VGG11"),
        ({"ema": 0.9}, "frozen=false"),
        ({"mixup": 0.2}, "frozen=false"),
        ({"cutmix": 0.2}, "frozen=false"),
        ({"patience": 2}, "frozen=false"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        FinetuneConfig.build("finetune", settings)


def test_an_architecture_of_other_weights_is_refused() -> None:
    with pytest.raises(UsageError, match="are of random VGG, and not of VGG19"):
        fitted(dataset(), architecture="VGG19")


def test_curves_have_train_and_validation() -> None:
    _, run = fitted(dataset(), head_steps=25)
    logged = {name for line in run.metrics for name in line}
    assert {
        f"{split} {of}" for split in ("train", "validation") for of in ("loss", "accuracy")
    } <= (logged)
    last = [line for line in run.metrics if "validation loss" in line][-1]
    assert last["step"] == 24 and 0 < last["validation loss"] < F.softplus(torch.tensor(3.0))
