"""fastnet as its paper says: whitening, Dirac initialisation, test-time augmentation; it learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import rockfall
from rockfall.kit.modules import eval_mode
from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.opening import open_source
from rockfall_vision.fastnet import (
    WHITENING_EPSILON,
    Fastnet,
    Whitening,
    dirac_conv,
    tta_views,
)
from tests.vision.sources import info


def fastnet(preset: str = "tiny", side: int = 32, **settings: Any) -> Fastnet:
    values = {**Fastnet.presets[preset], **settings}
    return Fastnet(Fastnet.Config(**values), info((3, side, side)))


def smooth_pictures(count: int) -> torch.Tensor:
    """(count, 3, 32, 32) uint8 whose neighbouring pixels and channels go together."""
    coarse = torch.rand(count, 1, 8, 8) + 0.3 * torch.rand(count, 3, 8, 8)
    pictures = F.interpolate(coarse, (32, 32), mode="bilinear")
    return (140 * pictures + 60 * torch.rand(count, 3, 32, 32)).byte()


@pytest.mark.parametrize("stride", [1, 2])
def test_the_output_of_the_first_layer_is_white(stride: int) -> None:
    torch.manual_seed(0)
    train = Split(smooth_pictures(300), torch.zeros(300, dtype=torch.int64))
    std, mean = torch.std_mean(train.inputs.float(), (0, 2, 3))
    known = {"mean": mean.tolist(), "std": std.tolist()}
    model = Fastnet(Fastnet.Config(stride=stride), replace(info((3, 32, 32)), statistics=known))
    model.init_from_data(train)
    pictures = model.preprocess(train.inputs)
    whitened = model.network[1](pictures)
    assert isinstance(whitened, torch.Tensor)
    values = whitened.detach().movedim(1, 0).flatten(1)
    assert torch.equal(values[12:], -values[:12])
    covariance = torch.cov(values[:12])
    assert (covariance - torch.eye(12)).abs().max() < 0.05
    before = torch.cov(pictures.movedim(1, 0).flatten(1))
    assert (before - before.diag().diag()).abs().max() > 0.3  # it was far from white


def test_components_without_variance_are_not_amplified() -> None:
    layer = Whitening(3, stride=1)
    layer.init_from_data(torch.zeros(4, 3, 8, 8))
    assert layer.weight.flatten(1).norm(dim=1).max() <= WHITENING_EPSILON**-0.5 + 1e-3


@pytest.mark.long
def test_filters_of_the_first_layer_are_not_learned(tmp_path: Path) -> None:
    run = rockfall.train("fastnet", preset="tiny", out=tmp_path, listeners=[])
    assert isinstance(run.model, Fastnet)
    data = open_source("digits")
    assert isinstance(data, Dataset)
    again = Fastnet(run.model.config, data.info)
    again.init_from_data(data.train)
    trained, initial = run.model.network[1], again.network[1]
    assert isinstance(trained, Whitening) and isinstance(initial, Whitening)
    torch.testing.assert_close(trained.weight, initial.weight)
    assert trained.bias is not None and trained.bias.abs().max() > 0


def test_convolutions_begin_as_the_identity() -> None:
    values = torch.randn(2, 5, 6, 7)
    torch.testing.assert_close(dirac_conv(5, 5)(values), values)
    torch.testing.assert_close(dirac_conv(5, 9)(values)[:, :5], values)
    torch.testing.assert_close(dirac_conv(5, 3)(values), values[:, :3])
    assert dirac_conv(5, 9)(values)[:, 5:].abs().min() > 0  # the others are as usual


@pytest.mark.parametrize(
    ("flip", "shift", "count"),
    [(True, True, 6), (True, False, 2), (False, True, 3), (False,) * 2 + (1,)],
)
def test_tta_views(flip: bool, shift: bool, count: int) -> None:
    torch.manual_seed(0)
    pictures = torch.rand(2, 3, 5, 6)
    views = tta_views(pictures, flip=flip, shift=shift)
    assert len(views) == count
    expected = {(0, 0, False): 1.0}
    if shift:
        expected = {(0, 0, False): 0.5, (-1, -1, False): 0.25, (1, 1, False): 0.25}
    if flip:
        expected |= {(*where[:2], True): weight for where, weight in expected.items()}
        expected = {where: weight / 2 for where, weight in expected.items()}
    for (down, across, mirrored), weight in expected.items():
        rows = [reflect(row + down, 5) for row in range(5)]
        columns = [reflect(column + across, 6) for column in range(6)]
        wanted = pictures[:, :, rows][:, :, :, columns]
        wanted = wanted.flip(3) if mirrored else wanted
        assert [w for w, view in views if torch.equal(view, wanted)] == [weight]


@pytest.mark.parametrize("sides", [(1, 1), (1, 7), (7, 1)])
def test_a_picture_too_small_to_reflect_has_one_view(sides: tuple[int, int]) -> None:
    pictures = torch.rand(2, 3, *sides)
    ((weight, view),) = tta_views(pictures, flip=False, shift=True)
    assert weight == 1
    assert torch.equal(view, pictures)


def reflect(place: int, side: int) -> int:
    return min(abs(place), 2 * (side - 1) - abs(place))


def test_classify_is_of_the_weighted_logits() -> None:
    torch.manual_seed(0)
    model = fastnet(flip=True, shift=1)
    pictures = smooth_pictures(4)
    with eval_mode(model):
        views = tta_views(model.preprocess(pictures), flip=True, shift=True)
        logits = sum(weight * model.logits(view) for weight, view in views)
        assert isinstance(logits, torch.Tensor)
        torch.testing.assert_close(model.classify(pictures), logits.softmax(1))
        assert not torch.allclose(model(pictures), logits, atol=1e-6)  # one view gives others


def test_views_are_augmented_only_as_in_training() -> None:
    model = fastnet(flip=False, shift=0)
    pictures = smooth_pictures(4)
    with eval_mode(model):
        assert torch.equal(model.classify(pictures), model(pictures).softmax(1))


@pytest.mark.parametrize("preset", ["cifar10", "full"])
@pytest.mark.parametrize("side", [8, 16, 28, 32, 40])
def test_any_size_of_picture_reaches_the_end(preset: str, side: int) -> None:
    model = fastnet(preset, side).eval()
    pictures = torch.zeros(2, 3, side, side, dtype=torch.uint8)
    assert model.classify(pictures).shape == (2, 10)


def test_muon_trains_kernels_and_adamw_the_rest() -> None:
    model = fastnet()
    adamw, muon = model.make_optimizers()
    by_muon = [p for group in muon.param_groups for p in group["params"]]
    others = [p for group in adamw.param_groups for p in group["params"]]
    assert {id(p) for p in by_muon} == {
        id(m.weight) for m in model.network[2:] if isinstance(m, nn.Conv2d)
    }
    trainable = {id(p) for p in model.network.parameters() if p.requires_grad}
    assert {id(p) for p in by_muon} | {id(p) for p in others} == trainable
    assert len(by_muon) + len(others) == len(trainable)


@pytest.mark.slow
def test_learns_digits(tmp_path: Path) -> None:
    run = rockfall.train("fastnet", out=tmp_path, listeners=[], threads=1)
    assert run.result is not None
    assert run.result["figures"]["test accuracy"]["value"] > 0.97
