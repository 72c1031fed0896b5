"""What all memories share: losses at the steps that have a target, and influence."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from rockfall_sequences.sequence_model import accuracy
from tests.sequences.sources import MODELS, info, numbers, small

LABELS = torch.tensor([[-100, 0, 2, -100], [1, -100, -100, -100]])
ASKED = [(0, 1, 0), (0, 2, 2), (1, 0, 1)]


def test_the_loss_is_that_of_the_steps_asked() -> None:
    model = small("gru", info(steps=4))
    outputs = torch.randn(2, 4, 3)
    expected = sum(F.cross_entropy(outputs[n, t], torch.tensor(c)) for n, t, c in ASKED) / 3
    torch.testing.assert_close(model.loss(outputs, LABELS), expected)


def test_what_is_not_asked_for_changes_no_gradient() -> None:
    model = small("gru", info(steps=4))
    outputs = torch.randn(2, 4, 3, requires_grad=True)
    model.loss(outputs, LABELS).backward()
    assert outputs.grad is not None
    assert outputs.grad.abs().sum(-1).ne(0).equal(LABELS != -100)


def test_a_label_of_the_whole_is_asked_for_at_the_end() -> None:
    model = small("gru", info(steps=4))
    outputs, labels = torch.randn(2, 4, 3), torch.tensor([2, 0])
    at_the_end = torch.full((2, 4), -100)
    at_the_end[:, -1] = labels
    torch.testing.assert_close(model.loss(outputs, labels), model.loss(outputs, at_the_end))
    assert accuracy(outputs, labels) == accuracy(outputs, at_the_end)


def test_accuracy_counts_the_steps_asked_alone() -> None:
    outputs = torch.zeros(2, 4, 3)
    outputs[0, 1, 0] = outputs[0, 2, 1] = outputs[1, 0, 1] = 1.0  # right, wrong, right
    assert accuracy(outputs, LABELS).item() == pytest.approx(2 / 3)


def test_numbers_are_standardised_and_missing_ones_left_out() -> None:
    model = small("gru", numbers(steps=3))
    labels = torch.tensor([[[3.0, 8.0], [torch.nan, -2.0], [torch.nan, torch.nan]]])
    outputs = torch.tensor([[[0.5, 0.5], [9.0, 1.0], [9.0, 9.0]]])
    # Standardised, the targets are 0, 1 and −1: errors of 0.5, 0.5 and 2.
    assert model.loss(outputs, labels).item() == pytest.approx((0.25 + 0.25 + 4) / 3)
    model.loss(outputs.requires_grad_(), labels).backward()
    assert outputs.grad is not None and torch.isfinite(outputs.grad).all()
    assert model.eval().predict(torch.ones(1, 3, 2)).shape == (1, 3, 2)


@pytest.mark.parametrize("name", MODELS)
def test_influence_by_finite_differences(name: str) -> None:
    model = small(name, numbers(steps=4)).double().eval()
    inputs = torch.randn(1, 4, 2, dtype=torch.float64)
    norms = model.influence(inputs)[0]
    size = 1e-3  # outputs are float32
    for step in range(4):
        squares = 0.0
        for feature in range(2):
            moved = [inputs.clone(), inputs.clone()]
            moved[0][0, step, feature] += size * 2.0  # the inputs' deviation, by which it divides
            moved[1][0, step, feature] -= size * 2.0
            with torch.no_grad():
                up, down = (model.answer(model.as_steps(each).double())[0, -1] for each in moved)
            squares += ((up - down).double() / (2 * size)).square().sum().item()
        assert norms[step].item() == pytest.approx(squares**0.5, rel=1e-2, abs=1e-4)
