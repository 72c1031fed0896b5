"""Text in windows, n-grams beside it, and what a model writes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch

import rockfall
from rockfall import UsageError
from rockfall_sequences.ngrams import NGrams
from rockfall_sequences.predicts.evaluation import evaluate
from rockfall_sequences.text import of_text, preset_for, text
from tests.sequences.sources import MODELS, small

WORDS = "the cat sat on the mat, and the rat sat on the cat.\n" * 12


def test_windows_are_of_the_text_and_the_next_character_is_the_target() -> None:
    data = of_text("words", WORDS, 10, 0)
    names = [" " if name == "␣" else "\n" if name == "⏎" else name for name in data.symbols]
    learned = WORDS[: round(0.8 * len(WORDS))]
    for batch in (data.train[:], data.fresh(1)[:]):
        for inputs, labels in zip(*batch, strict=True):
            window = "".join(names[n] for n in inputs) + names[labels[-1]]
            assert window in learned
            assert labels[:-1].equal(inputs[1:])
    assert len(data.fresh(1)) == len(data.train) == (len(learned) - 1) // 10


@pytest.mark.parametrize("length", [10, 11])
def test_each_character_of_the_test_is_asked_for_once_with_half_a_window_before(
    length: int,
) -> None:
    data = of_text("words", WORDS, length, 0)
    part = WORDS[round(0.9 * len(WORDS)) :]
    asked = [
        int(label)
        for inputs, labels in zip(*data.test[:], strict=True)
        for label in labels
        if label >= 0
    ]
    names = [" " if name == "␣" else "\n" if name == "⏎" else name for name in data.symbols]
    assert part[1 : len(asked) + 1] == "".join(names[n] for n in asked)
    assert len(part) - 1 - len(asked) < length
    for labels in data.test.labels[1:]:
        assert int((labels < 0).int().argmin()) >= length // 2


def test_what_training_has_not_seen_is_one_symbol() -> None:
    data = of_text("words", "abcd" * 100 + "xyz" * 20, 4, 0)
    assert data.info.classes == ("a", "b", "c", "d", "�")
    assert data.info.kinds == ("sequences", "text", "stream")
    with pytest.raises(
        UsageError, match="has 20 characters, too few for windows of 4: it takes 100"
    ):
        of_text("words", "abcd" * 5, 4, 0)
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 2_000)))
    with pytest.raises(UsageError, match="1,601 different characters, more than 1,000"):
        of_text("words", many, 4, 0)


def test_the_embedded_text_can_be_read_by_anybody() -> None:
    data = text()
    assert len(data.info.classes) == 71
    assert "�" not in data.info.classes


def test_n_grams_sum_to_one_and_know_what_follows() -> None:
    symbols = torch.randint(4, (300,), generator=torch.Generator().manual_seed(0)).tolist()
    grams = NGrams([*symbols, 0, 1, 2, 3] * 2, 3, 5)
    for context in ([], [1], [0, 1], [2, 2, 2], [4, 4]):
        total = sum(grams.probability(context, symbol) for symbol in range(5))
        assert total == pytest.approx(1)
    assert 0 < grams.probability([0, 1], 4) < 0.01


def test_n_grams_by_hand() -> None:
    """Witten and Bell: after b came a, once of once; a is 3 of 5, of two kinds."""
    grams = NGrams([0, 1, 0, 0, 1], 2, 2)
    one = (3 + 2 * 0.5) / (5 + 2)
    assert grams.probability([], 0) == pytest.approx(one)
    assert grams.probability([1], 0) == pytest.approx((1 + 1 * one) / (1 + 1))
    counts = Counter({0: 1, 1: 2})
    expected = (counts[0] + 2 * one) / (counts.total() + 2)
    assert grams.probability([0], 0) == pytest.approx(expected)


def test_bits_are_measured_beside_n_grams() -> None:
    class Certain:
        """Knows what comes, at a probability of a quarter."""

        def predict(self, inputs: torch.Tensor) -> torch.Tensor:
            count = len(data.info.classes)
            out = torch.full((*inputs.shape, count), 0.75 / (count - 1))
            following = torch.cat((inputs[:, 1:], last[inputs]), 1)
            return out.scatter_(2, following[..., None], 0.25)

    data = of_text("words", WORDS, 10, 0)

    class Last:
        def __getitem__(self, inputs: torch.Tensor) -> torch.Tensor:
            rows = [int((data.test.inputs == row).all(1).nonzero()[0]) for row in inputs]
            return data.test.labels[rows][:, -1:]

    last = Last()
    found = evaluate(Certain(), data)["test bits a symbol"]
    assert found["value"] == pytest.approx(2.0)
    assert found["baselines"]["5-gram"]["value"] < found["baselines"]["2-gram"]["value"] < 3


@pytest.mark.parametrize("name", MODELS)
def test_writing_step_by_step_is_reading_the_whole(name: str) -> None:
    data = of_text("words", WORDS, 10, 0)
    model = small(name, data.info).eval()
    prompt = list("the␣cat")
    written = model.write(prompt, 12, 0.0)
    whole = list(prompt)
    for _ in range(12):
        numbers = torch.tensor([[data.info.classes.index(symbol) for symbol in whole]])
        whole.append(data.info.classes[int(model.predict(numbers)[0, -1].argmax())])
    assert whole[len(prompt) :] == written


def test_writing_is_by_the_seed_and_the_temperature() -> None:
    model = small("gru", of_text("words", WORDS, 10, 0).info).eval()
    texts = []
    for seed, temperature in ((0, 1.0), (0, 1.0), (1, 1.0), (2, 0.0), (3, 0.0)):
        torch.manual_seed(seed)
        texts.append("".join(model.write((), 60, temperature)))
    assert texts[0] == texts[1] != texts[2]
    assert texts[3] == texts[4]
    with pytest.raises(UsageError, match="text without Z ß: leave that out of the prompt"):
        model.write("ßZa", 3, 1.0)
    with pytest.raises(UsageError, match="has not learned from text"):
        small("gru").write("a", 3, 1.0)


def test_a_text_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text(WORDS, encoding="utf-8")
    data = rockfall.open_source(file, {"length": 8})
    assert data.info.name == str(file) and data.info.shape == (8,)
    assert preset_for(str(file)) == "text" and preset_for(str(tmp_path / "no.txt")) == ""
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="is no text in UTF-8"):
        rockfall.open_source(file)
    file.write_text("short", encoding="utf-8")
    with pytest.raises(UsageError, match="too few for windows of 64"):
        rockfall.open_source(file)
