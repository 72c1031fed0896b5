"""The rows of the classic tables: every one can be trained, and is what it says."""

from __future__ import annotations

import pytest
import torch

from rockfall.building import build_config
from rockfall.registry import registry
from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.info import SourceInfo
from tests.benchmarks.classic_rows import ROWS, TABLES, Row

SHAPES = {"mnist": (1, 28, 28), "fashion-mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
TRAINED_ON = {"mnist": 55_000, "fashion-mnist": 55_000, "cifar10": 45_000}
PARAMETERS = {
    "mlp-128-20": 101_770,
    "mlp-16-10": 12_730,
    "mlp-16-16-10": 13_002,
    "wide": 4_770_010,
    "convnet": 34_826,
    "lenet5": 61_706,
}


def described(source: str) -> SourceInfo:
    pictures = torch.randint(0, 256, (4, *SHAPES[source])).to(torch.uint8)
    split = Split(pictures, torch.arange(4))
    splits = dict.fromkeys(("train", "validation", "test"), split)
    classes = tuple(map(str, range(10)))
    return Dataset(source, splits, kinds=("labelled-pictures",), classes=classes).info


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_a_row_can_be_trained(row: Row) -> None:
    kind = registry().models.find(row.model).spec.load()
    config = build_config(kind, row.model, row.source, row.preset or None, row.settings)
    model = kind(config, described(row.source)).eval()
    assert model.classify(torch.zeros(2, *SHAPES[row.source], dtype=torch.uint8)).shape == (2, 10)
    if row.name in PARAMETERS:
        found = sum(p.numel() for p in model.parameters() if p.requires_grad)
        assert found == PARAMETERS[row.name]


def test_numbers_of_batches_are_exact() -> None:
    def batches(row: Row) -> float:
        pictures = row.options.get("limit", TRAINED_ON[row.source])
        assert pictures <= TRAINED_ON[row.source]
        return float(row.settings["epochs"] * pictures / row.settings["batch_size"])

    assert batches(ROWS["mnist-20x300"]) == 300
    assert batches(ROWS["mnist-20x3000"]) == 3000
    assert batches(ROWS["mnist-500x600"]) == 600
    assert batches(ROWS["fashion-20x1300"]) == 1300
    assert batches(ROWS["cifar-base"]) == 2000
    assert batches(ROWS["cifar-3x3"]) == 3000
    assert batches(ROWS["field-5-stride-10"]) == 500


def test_names_are_unique() -> None:
    assert len(ROWS) == sum(map(len, TABLES.values()))
