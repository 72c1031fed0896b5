"""Layers against torch's own, against plain loops and against finite differences."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.sequences.sources import MODELS, small

RECURRENT = [("rnn", {}), ("rnn", {"nonlinearity": "relu"}), ("lstm", {}), ("gru", {})]
RECURRENT += [("lstm", {"peepholes": True}), ("simple-lstm", {})]


def layer(name: str, **settings: Any) -> Any:
    made = small(name, **settings).memory.layers[0].double()
    with torch.no_grad():
        for values in made.parameters():
            values += 0.3 * torch.randn_like(values)
    return made


def steps(count: int = 9) -> Tensor:
    return torch.randn(4, count, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("name", "settings"), RECURRENT)
def test_the_state_that_is_shown_is_the_one_that_is_given(name: str, settings: Any) -> None:
    """The equations in a loop, beside torch's layers."""
    made = layer(name, **settings)
    torch.testing.assert_close(made.holds(steps())["state"], made(steps())[0])


@pytest.mark.parametrize(("name", "settings"), RECURRENT)
def test_a_state_goes_on_where_it_was(name: str, settings: Any) -> None:
    made, whole = layer(name, **settings), steps()
    expected, last = made(whole)
    first, state = made(whole[:, :4])
    second, after = made(whole[:, 4:], state)
    torch.testing.assert_close(torch.cat((first, second), 1), expected)
    torch.testing.assert_close(after, last)


@pytest.mark.parametrize(("name", "settings"), RECURRENT)
def test_gradients_by_finite_differences(name: str, settings: Any) -> None:
    made = layer(name, **settings)
    given = steps(4).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, *_: made(x)[0], (given, *made.parameters()))


def test_peepholes_of_nothing_are_an_lstm() -> None:
    made = layer("lstm", peepholes=True)
    with torch.no_grad():
        made.peepholes.zero_()
    plain = torch.nn.LSTM(6, 5, batch_first=True).double()
    plain.load_state_dict({k: v for k, v in made.state_dict().items() if k != "peepholes"})
    torch.testing.assert_close(made(steps())[0], plain(steps())[0])


def test_simple_lstm_number_by_number() -> None:
    made = layer("simple-lstm")
    weight, bias = made.weight.tolist(), made.bias.tolist()
    for sequence, given in zip(steps().tolist(), made(steps())[0].tolist(), strict=True):
        h = [0.0] * 5
        for x, expected in zip(sequence, given, strict=True):
            seen = [*x, *h]
            sums = [
                sum(w * s for w, s in zip(row, seen, strict=True)) + b
                for row, b in zip(weight, bias, strict=True)
            ]
            opened = [1 / (1 + math.exp(-each)) for each in sums]
            h = [f * old + (1 - f) * g for f, g, old in zip(opened[:5], opened[5:], h, strict=True)]
            assert h == pytest.approx(expected)


@pytest.mark.parametrize("name", MODELS)
def test_a_layer_above_reads_the_one_below(name: str) -> None:
    model = small(name, layers=2).eval()
    inputs = torch.randint(6, (3, 7))
    below, above = model.memory.layers
    expected = above(below(model.encode(inputs))[0])[0]
    torch.testing.assert_close(model.memory(model.encode(inputs))[0], expected)
    held = model.holds(inputs)
    assert all(values.shape[:2] == (3, 7) for values in held.values())


@pytest.mark.parametrize("name", MODELS)
def test_dropout_is_between_layers_and_in_training_alone(name: str) -> None:
    model = small(name, layers=2, dropout=0.5)
    inputs = torch.randint(6, (3, 7))
    assert not model(inputs).equal(model(inputs))
    model.eval()
    assert model(inputs).equal(model(inputs))
    single = small(name, dropout=0.5)
    assert single(inputs).equal(single(inputs))


@pytest.mark.parametrize("name", MODELS)
def test_what_comes_later_changes_nothing_before(name: str) -> None:
    model = small(name).eval()
    one = torch.randint(6, (3, 7))
    other = one.clone()
    other[:, 4:] = (one[:, 4:] + 1) % 6
    given, changed = model.predict(one), model.predict(other)
    torch.testing.assert_close(given[:, :4], changed[:, :4])
    assert not torch.allclose(given[:, 4:], changed[:, 4:])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("steps", [1, 2])
def test_short_sequences(name: str, steps: int) -> None:
    model = small(name).eval()
    assert model.predict(torch.randint(6, (1, steps))).shape == (1, steps, 3)
