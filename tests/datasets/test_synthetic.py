"""The synthetic sets against the distributions that they say they are."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rockfall.errors import UsageError
from rockfall.sources.dataset import Dataset
from rockfall.sources.opening import open_source
from tests.core.test_cli_train import rockfall


def opened(source: str, **options: object) -> Dataset:
    data = open_source(source, options)
    assert isinstance(data, Dataset)
    return data


def test_gaussian() -> None:
    data = opened("gaussian-1d")
    assert data.info.kinds == ("vectors",)
    assert data.info.sizes == {"train": 10_000, "validation": 2_000, "test": 2_000}
    numbers = data.train.inputs
    assert (numbers.shape, numbers.dtype) == ((10_000, 1), torch.float32)
    # Mean, variance and each decile, within five standard errors of those of N(4, 0.5).
    assert numbers.mean().item() == pytest.approx(4, abs=5 * math.sqrt(0.5 / 10_000))
    assert numbers.var().item() == pytest.approx(0.5, abs=5 * 0.5 * math.sqrt(2 / 10_000))
    shares = torch.arange(0.1, 1, 0.1)
    deciles = torch.distributions.Normal(4, math.sqrt(0.5)).icdf(shares)
    found = (numbers <= deciles).float().mean(0)
    assert torch.allclose(found, shares, atol=5 * 0.5 / 100)


def test_gaussian_options() -> None:
    numbers = opened("gaussian-1d", mean=-3, variance=4, count=20_000).train.inputs
    assert len(numbers) == 20_000
    assert numbers.mean().item() == pytest.approx(-3, abs=0.08)
    assert numbers.std().item() == pytest.approx(2, abs=0.06)


def test_ring() -> None:
    data = opened("ring")
    assert data.info.classes == tuple("01234567")
    for split in data.splits.values():
        assert split.inputs.dtype == torch.float32
        assert split.labels.bincount().tolist() == [len(split) // 8] * 8
    points, labels = data.train.inputs, data.train.labels
    for mode in range(8):
        own = points[labels == mode].double()
        centre = [2 * math.cos(mode * math.pi / 4), 2 * math.sin(mode * math.pi / 4)]
        np.testing.assert_allclose(own.mean(0), centre, atol=5 * 0.02 / math.sqrt(1250))
        np.testing.assert_allclose(own.std(0), 0.02, rtol=5 / math.sqrt(2 * 1250))
        assert abs(np.corrcoef(own.T)[0, 1]) < 5 / math.sqrt(1250)


def test_ring_options() -> None:
    data = opened("ring", modes=3, radius=5, std=0.5, count=9_000, classes="1")
    assert data.info.classes == ("1",)
    points = data.train.inputs
    assert points.mean(0).tolist() == pytest.approx([-2.5, 5 * math.sqrt(3) / 2], abs=0.05)
    assert points.std(0).tolist() == pytest.approx([0.5, 0.5], abs=0.04)


@pytest.mark.parametrize("source", ["gaussian-1d", "ring"])
def test_seeds_and_splits(source: str) -> None:
    data, again, other = opened(source), opened(source), opened(source, seed=1)
    assert torch.equal(data.train.inputs, again.train.inputs)
    assert not torch.equal(data.train.inputs, other.train.inputs)
    assert not torch.isin(data.test.inputs[:, 0], data.train.inputs[:, 0]).float().mean() > 0.01
    assert opened(source, count=1).info.sizes["test"] >= 1


@pytest.mark.parametrize(
    ("source", "options", "reason"),
    [
        ("gaussian-1d", {"variance": "0"}, "variance: .* greater than 0"),
        ("gaussian-1d", {"mean": "inf"}, "mean: .* finite"),
        ("gaussian-1d", {"count": "0"}, "count: "),
        ("gaussian-1d", {"classes": "1"}, "gaussian-1d has no classes to choose from"),
        ("gaussian-1d", {"size": "8"}, "gaussian-1d has no pictures to resize"),
        ("ring", {"modes": "1"}, "modes: "),
        ("ring", {"std": "-1"}, "std: "),
        ("ring", {"mode": "3"}, "no option mode; did you mean modes"),
    ],
)
def test_options_that_do_not_fit(source: str, options: dict[str, str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        open_source(source, options)


def shown(folder: Path, *words: str) -> np.ndarray:
    done = rockfall(folder, "show", *words)
    assert done.returncode == 0, done.stderr
    assert f"wrote {words[0]}.png" in done.stdout
    with Image.open(folder / f"{words[0]}.png") as image:
        return np.asarray(image).astype(int)


def coloured(picture: np.ndarray) -> np.ndarray:
    return np.ptp(picture, axis=2) > 60


def test_a_histogram_is_highest_in_the_middle(tmp_path: Path) -> None:
    heights = coloured(shown(tmp_path, "gaussian-1d")).sum(0)
    bars = np.trim_zeros(heights)
    assert len(bars) > 200
    middle = np.average(np.arange(len(bars)), weights=bars)
    assert bars[int(middle)] > 0.9 * bars.max()
    # A Gaussian's deviation is its mass over its height, over √(2π).
    deviation = np.sqrt(np.average((np.arange(len(bars)) - middle) ** 2, weights=bars))
    assert deviation == pytest.approx(bars.sum() / bars.max() / math.sqrt(2 * math.pi), rel=0.15)


def test_a_scatter_shows_every_mode_where_it_is(tmp_path: Path) -> None:
    rows, columns = np.nonzero(coloured(shown(tmp_path, "ring")))
    x = 2 * (columns - columns.min()) / np.ptp(columns) - 1
    y = 1 - 2 * (rows - rows.min()) / np.ptp(rows)
    turn = np.arctan2(y, x) / (math.pi / 4)
    assert set(np.round(turn).astype(int) % 8) == set(range(8))
    assert np.abs(turn - np.round(turn)).max() < 0.1
    assert np.hypot(x, y).min() > 0.9  # round, and nothing in the middle
    rows, columns = np.nonzero(coloured(shown(tmp_path, "ring", "source.classes=0,4")))
    assert np.ptp(rows) < 0.1 * np.ptp(columns)
