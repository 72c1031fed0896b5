"""How well inputs are made again: the figure, its baseline, and what is drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from rockfall.kit.drawing.sheets import sheet
from rockfall.sources.dataset import Dataset, Split
from rockfall_capabilities.mean_example import mean_example
from rockfall_capabilities.reconstructs import evaluation
from rockfall_capabilities.reconstructs.evaluation import evaluate, squared_errors
from rockfall_capabilities.reconstructs.pictures import pictures


def dataset(shape: tuple[int, ...], dtype: torch.dtype) -> Dataset:
    def split(count: int) -> Split:
        generator = torch.Generator().manual_seed(count)
        inputs = torch.rand(count, *shape, generator=generator) * 255
        return Split(inputs.to(dtype), torch.full((count,), -1))

    splits = {"train": split(53), "validation": split(5), "test": split(47)}
    return Dataset("made-up", splits, kinds=("pictures",))


class Halves:
    def reconstruct(self, inputs: Tensor) -> Tensor:
        return (inputs / 2).to(inputs.dtype)


SOURCES = [((3, 2, 5), torch.uint8, "mean picture"), ((7,), torch.float32, "mean example")]


@pytest.mark.parametrize(("shape", "dtype", "name"), SOURCES)
@pytest.mark.parametrize("batch", [1000, 10])
def test_the_error_is_a_mean_square_beside_the_training_mean_s(
    shape: tuple[int, ...],
    dtype: torch.dtype,
    name: str,
    batch: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluation, "BATCH", batch)
    data = dataset(shape, dtype)
    most = 255 if dtype == torch.uint8 else 1
    train, test = (split.inputs.numpy().astype(float) / most for split in (data.train, data.test))
    halves = Halves().reconstruct(data.test.inputs).numpy().astype(float) / most
    mine, theirs = (
        ((test - other) ** 2).reshape(47, -1).mean(1) for other in (halves, train.mean(0))
    )
    figures = evaluate(Halves(), data)
    assert list(figures) == ["reconstruction error"]
    figure = figures["reconstruction error"]
    assert figure["count"] == 47
    for found, expected in ((figure, mine), (figure["baselines"][name], theirs)):
        assert found["value"] == pytest.approx(expected.mean(), rel=1e-5)
        assert found["error"] == pytest.approx(expected.std(ddof=1) / 47**0.5, rel=1e-4)


def test_a_limit_is_kept() -> None:
    figures = evaluate(Halves(), dataset((3, 2, 5), torch.uint8), limit=6)
    assert figures["reconstruction error"]["count"] == 6


def test_what_is_made_again_without_loss_has_no_error() -> None:
    inputs = dataset((3, 2, 5), torch.uint8).test.inputs
    assert not squared_errors(inputs, inputs.clone()).any()
    white, black = torch.full((1, 9), 255, dtype=torch.uint8), torch.zeros(9)
    assert squared_errors(white, black).tolist() == [1]


def test_the_mean_of_many_bytes_is_exact() -> None:
    """Sums of that size overflow a byte, and are beyond what a float32 counts."""
    split = Split(torch.full((200_000, 1), 201, dtype=torch.uint8), torch.zeros(200_000))
    split.inputs[::2] = 202
    assert mean_example(split).tolist() == [201.5]


def test_test_pictures_are_drawn_above_what_is_made_of_them() -> None:
    data = dataset((3, 2, 5), torch.uint8)
    (drawn,) = pictures(Halves(), data).values()
    test = data.test.inputs
    chosen = test[torch.arange(36) * 47 // 36]
    rows = [
        row
        for part in chosen.split(12)
        for row in (("input", part), ("output", Halves().reconstruct(part)))
    ]
    assert np.array_equal(np.asarray(drawn), np.asarray(sheet(rows)))
    assert pictures(Halves(), dataset((7,), torch.float32)) == {}
