"""The task by its rules, written down once more as plainly as can be."""

from __future__ import annotations

import pytest
import torch

from rockfall import UsageError, open_source
from rockfall_sequences.distracted_recall import distracted_recall


def test_the_rules() -> None:
    data = distracted_recall()
    assert data.info.high == 9 and len(data.info.classes) == 4
    for inputs, labels in zip(*data.train[:300], strict=True):
        symbols = inputs.tolist()
        assert len(symbols) == 24 and symbols[22:] == [8, 9]
        targets = [symbol for symbol in symbols[:22] if symbol < 4]
        assert len(targets) == 2
        assert all(4 <= symbol < 8 for symbol in symbols[:22] if symbol not in targets)
        assert labels.tolist() == [-100] * 22 + targets


def test_places_are_drawn_evenly_and_so_are_symbols() -> None:
    inputs = distracted_recall().test.inputs[:, :22]
    places = (inputs < 4).float().mean(0)  # each with 2 / 22, and an error of 0.003
    assert (places - 2 / 22).abs().max() < 0.015
    first, second = inputs[inputs < 4].view(-1, 2).unbind(1)
    pairs = torch.bincount(4 * first + second, minlength=16) / len(inputs)
    assert (pairs - 1 / 16).abs().max() < 0.012
    distractors = torch.bincount(inputs[inputs >= 4], minlength=8)[4:] / (inputs >= 4).sum()
    assert (distractors - 0.25).abs().max() < 0.01


def test_options_make_it_longer_and_larger() -> None:
    data = distracted_recall(length=50, symbols=6, targets=3)
    assert data.train.inputs.shape == (2_000, 53)
    assert data.info.high == 14 and data.info.classes == tuple("ABCDEF")
    symbols = data.train.inputs[0].tolist()
    assert [s for s in symbols[:50] if s < 6] == data.train.labels[0, 50:].tolist()
    with pytest.raises(UsageError, match="5 targets do not fit in 4 steps"):
        distracted_recall(length=4, targets=5)


def test_cues_lie_where_the_answers_are() -> None:
    data = distracted_recall(length=9)
    inputs, labels = data.test[:200]
    for symbols, wanted, away in zip(inputs, labels, data.cues(inputs), strict=True):
        assert away[:9].tolist() == [0] * 9
        for step in (9, 10):
            assert symbols[step - away[step]] == wanted[step]
        assert away[9] - 9 > away[10] - 10  # the first was there first


def test_every_epoch_has_other_sequences_and_always_the_same() -> None:
    data, again = distracted_recall(), distracted_recall()
    epochs = [data.fresh(epoch).inputs for epoch in range(3)]
    assert epochs[0] is data.train.inputs
    rows = {tuple(row) for inputs in epochs for row in inputs.tolist()}
    assert len(rows) == 6_000
    assert all(again.fresh(n).inputs.equal(each) for n, each in enumerate(epochs))
    assert not distracted_recall(seed=1).fresh(1).inputs.equal(epochs[1])


def test_a_selection_is_all_that_is_learned_from() -> None:
    data = open_source("distracted-recall", {"limit": 50})
    assert len(data.train) == 50 and len(data.test) == 10_000
    assert data.fresh(3) is data.train
    with pytest.raises(UsageError, match="no classes to choose from"):
        open_source("distracted-recall", {"classes": "A"})
