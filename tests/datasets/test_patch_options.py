"""The dataset `patches`: what can be asked of it, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

import rockfall_datasets.patches
from rockfall.errors import UnknownName, UsageError
from rockfall.sources.dataset import Dataset
from rockfall.sources.opening import open_source
from rockfall_datasets.patches import Patches
from tests.core.test_cli_train import rockfall


def opened(**options: object) -> Patches:
    data = open_source("patches", {"of": "digits", "size": 4, "count": 300, **options})
    assert isinstance(data, Patches)
    return data


def test_options_reach_the_patches() -> None:
    data = opened(stride="1", seed="3")
    assert data.info.name == "patches"
    assert data.info.shape == (1, 4, 4)
    assert data.info.sizes == {"train": 300, "validation": 30, "test": 30}
    assert data.stride == 1
    by_hand = Patches.cut("patches", digits(), size=4, count=300, stride=1, seed=3)
    assert torch.equal(data.train.inputs, by_hand.train.inputs)
    assert not torch.equal(data.train.inputs, opened(seed=4).train.inputs)


def digits() -> Dataset:
    data = open_source("digits")
    assert isinstance(data, Dataset)
    return data


def test_the_seed_cuts_elsewhere_and_leaves_the_splits_of_the_pictures() -> None:
    assert torch.equal(opened(seed=4).whole.test.inputs, digits().test.inputs)


def test_a_limit_is_one_of_patches() -> None:
    data = opened(limit=20)
    assert data.info.sizes == {"train": 20, "validation": 20, "test": 30}
    assert len(data.whole.train) == len(digits().train)


def test_of_a_folder(tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for number in range(10):
            Image.new("RGB", (9, 9), (number, 0, 0)).save(tmp_path / label / f"{number}.png")
    data = opened(of=str(tmp_path))
    assert data.info.shape == (3, 4, 4)
    assert data.whole.info.classes == ("a", "b")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"of": "ring"}, "ring has no pictures to cut patches of"),
        ({"of": "falling-rocks-8x8"}, "falling-rocks-8x8 is no dataset to cut patches of"),
        ({"size": 9}, r"digits has pictures of 8 × 8, too small for patches of size=9"),
        ({"size": 1}, "size: .* greater than or equal to 2, not '1'"),
        ({"count": 0}, "count: .* greater than or equal to 1, not '0'"),
        ({"stride": 0}, "stride: .* greater than or equal to 1, not '0'"),
        ({"count": 10**12}, "GiB"),
        ({"of": "patches"}, "of=patches would cut patches of patches"),
        ({"of": "rockfall-datasets:patches"}, "patches of patches"),
        ({"classes": "3"}, "patches has no classes to choose from"),
    ],
)
def test_what_is_refused(options: dict[str, object], reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        opened(**options)
    assert "\n" not in str(caught.value)


def test_an_unknown_dataset() -> None:
    with pytest.raises(UnknownName, match=r"no source digit: .* did you mean digits"):
        opened(of="digit")


def test_patches_of_patches_are_refused_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The default is a download."""
    monkeypatch.setattr(rockfall_datasets.patches, "open_source", None)
    with pytest.raises(UsageError, match="patches of patches"):
        opened(of="patches")


def test_show_draws_patches(tmp_path: Path) -> None:
    words = ("source.of=digits", "source.size=4", "source.count=200")
    done = rockfall(tmp_path, "show", "patches", *words)
    assert done.returncode == 0, done.stderr
    assert "examples: 200 train, 20 validation, 20 test" in done.stdout
    assert "each: 1 × 4 × 4 uint8" in done.stdout
    with Image.open(tmp_path / "patches.png") as sheet:
        assert sheet.width == sheet.height  # a square: there are no classes to name
    data = json.loads(rockfall(tmp_path, "info", "patches", *words, "--json").stdout)
    assert [o["name"] for o in data["options"]] == [
        "of",
        "size",
        "count",
        "stride",
        "seed",
        "limit",
    ]
