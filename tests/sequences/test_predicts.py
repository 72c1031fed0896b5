"""What is measured of a prediction, and what stands beside it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from rockfall import Split
from rockfall_sequences.distracted_recall import distracted_recall
from rockfall_sequences.predicts.check import check
from rockfall_sequences.predicts.evaluation import evaluate
from rockfall_sequences.predicts.pictures import pictures
from rockfall_sequences.sequences import Sequences


class Oracle:
    """Remembers the targets of a distracted sequence; with `reach`, of so many steps alone."""

    def __init__(self, reach: int = 99) -> None:
        self.reach = reach

    def predict(self, inputs: Tensor) -> Tensor:
        found = torch.full(inputs.shape, 3)
        cues = distracted_recall().cues(inputs)
        for step in (22, 23):
            answers = inputs.gather(1, (step - cues[:, step])[:, None])[:, 0]
            found[:, step] = torch.where(cues[:, step] <= self.reach, answers, 3)
        return F.one_hot(found, 4).float()


def test_recall_beside_what_needs_no_memory() -> None:
    found = evaluate(Oracle(), distracted_recall())["test accuracy"]
    assert found["value"] == 1.0 and found["count"] == 20_000
    for theirs in found["baselines"].values():
        assert theirs["value"] == pytest.approx(0.25, abs=0.02)


def test_the_best_guess_without_memory_goes_by_the_present_input() -> None:
    """Symbol 0 is followed by class 2, symbol 1 by class 0 or, less often, 1; 3 is new in test."""
    inputs = torch.tensor([[0, 1, 1, 1]]).repeat(4, 1)
    labels = torch.tensor([[2, 0, 0, 1]]).repeat(4, 1)
    test = Split(torch.tensor([[0, 1, 3, 1]]), torch.tensor([[2, 0, 0, -100]]))
    splits = {"train": Split(inputs, labels), "validation": test, "test": test}
    data = Sequences("made", splits, classes=("a", "b", "c"), symbols="wxyz")

    class Nothing:
        def predict(self, inputs: Tensor) -> Tensor:
            return torch.full((*inputs.shape, 3), 1 / 3)

    found = evaluate(Nothing(), data)["test accuracy"]
    assert found["count"] == 3
    assert found["baselines"]["without memory"]["value"] == pytest.approx(1.0)
    assert found["baselines"]["commonest class"]["value"] == pytest.approx(2 / 3)


def test_numbers_are_measured_beside_their_mean() -> None:
    labels = torch.tensor([[[1.0], [3.0]], [[5.0], [torch.nan]]])
    split = Split(torch.zeros(2, 2, 1), labels)
    data = Sequences("made", dict.fromkeys(("train", "validation", "test"), split))

    class Three:
        def predict(self, inputs: Tensor) -> Tensor:
            return torch.full((2, 2, 1), 4.0)

    found = evaluate(Three(), data)["test squared error"]
    assert found["count"] == 3
    assert found["value"] == pytest.approx((9 + 1 + 1) / 3)
    assert found["baselines"]["mean"]["value"] == pytest.approx(8 / 3)


def test_one_that_looks_ahead_is_found_out() -> None:
    class Mean:
        def predict(self, inputs: Tensor) -> Tensor:
            share = inputs.float().mean(1, keepdim=True).expand(inputs.shape) / 10
            return torch.stack((share, 1 - share, 0 * share, 0 * share), -1)

    with pytest.raises(AssertionError, match="comes later"):
        check(Mean(), distracted_recall())
    check(Oracle(0), distracted_recall())


def test_accuracy_against_distance_falls_where_it_forgets() -> None:
    drawn = pictures(Oracle(reach=10), distracted_recall())
    assert set(drawn) == {"predictions", "distance"}
