"""Datasets whose examples have a target a step: any plugin's, checked, cut short, shown."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from PIL import Image

from rockfall.catalogue import Catalogue
from rockfall.errors import UsageError
from rockfall.kit.statistics import statistics
from rockfall.kit.targets import NO_TARGET, has_target
from rockfall.pages.source_page import SourcePage
from rockfall.registry import registry
from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.selection import Selection
from rockfall.specs import DatasetSpec
from rockfall.testing import check_dataset

SIZES = {"train": 60, "validation": 20, "test": 20}


def symbols(labels: Callable[[torch.Tensor], torch.Tensor] | None = None) -> Dataset:
    """Seven symbols each, of which the last tells the one before; no other is asked for."""
    generator = torch.Generator().manual_seed(0)
    splits = {}
    for name, size in SIZES.items():
        inputs = torch.randint(3, (size, 9), generator=generator)
        asked = torch.full((size, 9), NO_TARGET)
        asked[:, -1] = inputs[:, -2]
        splits[name] = Split(inputs, labels(asked) if labels else asked)
    return Dataset("made-up", splits, kinds=("sequences",), classes=("a", "b", "c"))


def numbers(labels: Callable[[torch.Tensor], torch.Tensor] | None = None) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    splits = {}
    for name, size in SIZES.items():
        inputs = torch.rand(size, 9, 2, generator=generator)
        asked = inputs.cumsum(1)
        asked[:, 0] = torch.nan
        splits[name] = Split(inputs, labels(asked) if labels else asked)
    return Dataset("made-up", splits, kinds=("sequences",))


def without_any(asked: torch.Tensor) -> torch.Tensor:
    none = torch.nan if asked.is_floating_point() else NO_TARGET
    asked[0] = none
    return asked


FAULTS: dict[str, tuple[Callable[[], Dataset], str]] = {
    "a class too high": (
        lambda: symbols(lambda asked: torch.where(has_target(asked), asked + 1, asked)),
        "labels go from 1 to 3, and there are 3 classes",
    ),
    "a step too few": (
        lambda: symbols(lambda asked: asked[:, 1:]),
        r"must be \(N, T\) for \(60, 9",
    ),
    "a class of each of several": (
        lambda: symbols(lambda asked: asked[..., None]),
        r"targets must be \(N, T\), not \(60, 9, 1\)",
    ),
    "nothing asked": (lambda: symbols(without_any), "some sequences have no target"),
    "no number asked": (lambda: numbers(without_any), "some sequences have no target"),
    "infinite": (lambda: numbers(lambda asked: asked / 0), "some targets are not finite"),
    "flat numbers": (lambda: numbers(lambda asked: asked[..., 0]), r"must be \(N, T, K\), not"),
}


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Dataset]], None]:
    module = ModuleType("step_sources")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    catalogue = Catalogue(DatasetSpec)
    monkeypatch.setattr(registry(), "datasets", catalogue)

    def run(make: Callable[[], Dataset]) -> None:
        module.make = make  # type: ignore[attr-defined]
        catalogue.add(
            "rockfall-vision",
            DatasetSpec(
                name="made-up",
                summary="made up",
                target="step_sources:make",
                kinds=("sequences",),
                licence="MIT",
                reference="here",
            ),
        )
        check_dataset("made-up")

    return run


@pytest.mark.parametrize("make", [symbols, numbers])
def test_good_ones_pass(make: Callable[[], Dataset], check: Callable[..., None]) -> None:
    check(make)


@pytest.mark.parametrize("case", FAULTS)
def test_faulty_ones_are_told(case: str, check: Callable[..., None]) -> None:
    make, complaint = FAULTS[case]
    with pytest.raises(AssertionError, match=complaint):
        check(make)


def test_where_there_is_a_target() -> None:
    assert has_target(torch.tensor([0, NO_TARGET, 3])).tolist() == [True, False, True]
    some = torch.tensor([[1.0, torch.nan], [torch.nan, torch.nan]])
    assert has_target(some).tolist() == [True, False]


def test_fewer_of_them() -> None:
    some = Selection(limit=2).of(symbols())  # fewer than classes, of which no example is
    assert [len(split) for split in some.splits.values()] == [2, 2, 20]
    assert some.train.labels.shape == (2, 9)
    with pytest.raises(UsageError, match="no classes to choose from"):
        Selection(classes=("a",)).of(symbols())


def test_features_have_statistics_whatever_the_step() -> None:
    inputs = torch.rand(5, 7, 2)
    found = statistics(inputs)
    torch.testing.assert_close(torch.tensor(found["mean"]), inputs.mean((0, 1)))
    assert statistics((inputs * 255).byte())["std"] == pytest.approx(
        (inputs * 255).byte().double().std((0, 1), correction=0).tolist()
    )
    assert statistics(torch.zeros(5, 7, dtype=torch.int64)) == {}


def test_a_page_counts_targets_and_lets_the_source_draw(tmp_path: Path) -> None:
    class Drawn(Dataset):
        def draw(self) -> Image.Image:
            return Image.new("RGB", (3, 2), (1, 2, 3))

    plain = symbols()
    page = SourcePage("made-up", plain)
    assert sum(page.counts().values()) == 100
    assert page.draw(None) is None
    own: Any = Drawn("made-up", plain.splits, kinds=("sequences",), classes=("a", "b", "c"))
    written = SourcePage("made-up", own).draw(tmp_path / "own.png")
    assert written and Image.open(written).getpixel((0, 0)) == (1, 2, 3)


def test_an_epoch_learns_from_the_training_split() -> None:
    data = symbols()
    assert data.fresh(0) is data.fresh(7) is data.train
