"""The other tasks by their rules."""

from __future__ import annotations

import re

import pytest
import torch

import rockfall
from rockfall import UsageError
from rockfall.registry import registry
from rockfall_sequences.adding import adding
from rockfall_sequences.copying import copy
from rockfall_sequences.parity import parity
from rockfall_sequences.reber import INNER, SYMBOLS, reber

MADE_UP = ["adding", "copy", "parity", "reber", "distracted-recall"]


@pytest.mark.parametrize("name", MADE_UP)
def test_each_epoch_is_new_and_each_seed_another(name: str) -> None:
    data = registry().datasets.find(name).spec.load()
    one, again, other = data(), data(), data(seed=1)
    second = one.fresh(1)
    assert not second.inputs.equal(one.train.inputs) and not second.inputs.equal(
        one.fresh(2).inputs
    )
    assert second.inputs.equal(again.fresh(1).inputs)
    assert not second.inputs.equal(other.fresh(1).inputs)
    assert not one.train.inputs.equal(other.train.inputs)
    assert not one.test.inputs[:1_000].equal(one.validation.inputs)
    assert second.inputs.shape == one.train.inputs.shape


def test_adding() -> None:
    data = adding(length=11)
    inputs, labels = data.test[:]
    marks = inputs[..., 1]
    assert marks[:, :5].sum(1).eq(1).all() and marks[:, 5:].sum(1).eq(1).all()
    assert marks.bool().any(0).all()  # anywhere in its half
    assert labels[:, :-1].isnan().all()
    torch.testing.assert_close(labels[:, -1, 0], (inputs[..., 0] * marks).sum(1))
    assert 0 <= inputs[..., 0].min() < 0.01 and 0.99 < inputs[..., 0].max() < 1
    assert labels[:, -1].var().item() == pytest.approx(1 / 6, abs=0.02)
    assert data.info.statistics["target mean"] == pytest.approx([1.0], abs=0.03)


def test_copy() -> None:
    data = copy(delay=7, count=3, symbols=4)
    for inputs, labels in zip(*data.test[:50], strict=True):
        text = "".join(data.symbols[number] for number in inputs)
        assert re.fullmatch("[A-D]{3}······[?]···", text), text
        assert labels[:10].eq(-100).all()
        assert labels[10:].equal(inputs[:3])
    assert data.cues is not None
    assert data.cues(data.test.inputs[:1]).tolist() == [[0] * 10 + [10] * 3]


def test_parity() -> None:
    for inputs, labels in zip(*parity().test[:50], strict=True):
        assert [int(sum(inputs[: n + 1].tolist()) % 2) for n in range(32)] == labels.tolist()


def legal_next(string: str) -> set[str]:
    """What may follow a beginning of an embedded string, found by trying every one there is."""
    return {whole[len(string)] for whole in STRINGS if whole.startswith(string) and whole != string}


def strings(longest: int) -> set[str]:
    """Every string of the embedded grammar of at most so many symbols."""
    inner, states = set(), [("B", 0)]
    while states:
        string, state = states.pop()
        if state == 5:
            inner.add(f"{string}E")
        elif len(string) < longest - 5:
            states += [(string + each[0], int(each[1])) for each in INNER[state].split()]
    return {f"B{outer}{string}{outer}E" for string in inner for outer in "TP"}


STRINGS = strings(21)


def test_reber() -> None:
    data = reber()
    names = [*SYMBOLS, "·"]
    checked = 0
    for split in ("train", "validation", "test"):
        for inputs, labels in zip(*data.split(split)[:60], strict=True):
            text = "".join(names[number] for number in inputs)
            string = text.rstrip("·")
            if len(string) > 15:
                continue
            checked += 1
            assert f"{string}E" in STRINGS
            for step, label in enumerate(labels.tolist()):
                may = legal_next(string[: step + 1]) if step < len(string) else set()
                if split == "train" and may:
                    assert names[label] == f"{string}E"[step + 1] and names[label] in may
                elif len(may) == 1:
                    assert {names[label]} == may
                else:
                    assert label == -100
    assert checked > 90


def test_few_strings_are_too_long_for_reber() -> None:
    coins = torch.randint(2, (5_000, 100), generator=torch.Generator().manual_seed(0)).tolist()
    longer = 0
    for row in coins:
        state, count = 0, 0
        while state < 5:
            state, count = int(INNER[state].split()[row[count]][1]), count + 1
        longer += count + 6 > 40
    assert longer < 15


def test_pictures_as_sequences() -> None:
    pictures = rockfall.open_source("digits")
    assert isinstance(pictures, rockfall.Dataset)
    made = {
        order: rockfall.open_source("sequential-mnist", {"of": "digits", "order": order})
        for order in ("rows", "pixels", "permuted")
    }
    for data in made.values():
        assert isinstance(data, rockfall.Dataset)
        assert data.train.labels.equal(pictures.train.labels)
        assert data.info.classes == pictures.info.classes
    first = pictures.train.inputs[0, 0]
    rows, pixels, permuted = (data.train.inputs[0] for data in made.values())
    assert rows.equal(first)
    assert pixels.equal(first.reshape(64, 1))
    assert not permuted.equal(pixels)
    assert permuted.sort(0).values.equal(pixels.sort(0).values)
    other = rockfall.open_source(
        "sequential-mnist", {"of": "digits", "order": "permuted", "seed": 1}
    )
    assert not other.train.inputs[0].equal(permuted)
    sevens = rockfall.open_source("sequential-mnist", {"of": "digits", "classes": "7"})
    assert sevens.info.classes == ("7",)
    with pytest.raises(UsageError, match="of=adding is no dataset of labelled pictures"):
        rockfall.open_source("sequential-mnist", {"of": "adding"})
