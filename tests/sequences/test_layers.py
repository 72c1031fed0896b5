"""Layers against torch's own, against plain loops and against finite differences."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from rockfall_sequences.transformer import turned
from tests.sequences.sources import MODELS, small

RECURRENT = [("rnn", {}), ("rnn", {"nonlinearity": "relu"}), ("lstm", {}), ("gru", {})]
RECURRENT += [("lstm", {"peepholes": True}), ("simple-lstm", {}), ("mingru", {}), ("minlstm", {})]
RECURRENT += [("lru", {"layers": 1})]


def layer(name: str, **settings: Any) -> Any:
    made = small(name, **settings).memory.layers[0].double()
    with torch.no_grad():
        for values in made.parameters():
            values += 0.3 * torch.randn_like(values)
    return made


def steps(count: int = 9) -> Tensor:
    return torch.randn(4, count, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("name", "settings"), RECURRENT[:-1])
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


def test_mingru_and_minlstm_step_by_step() -> None:
    for name, gates in (("mingru", 1), ("minlstm", 2)):
        made = layer(name)
        h = torch.zeros(4, 5, dtype=torch.float64)
        for step, given in zip(steps().unbind(1), made(steps())[0].unbind(1), strict=True):
            *opened, candidate = made.linear(step).chunk(gates + 1, 1)
            opened = [each.sigmoid() for each in opened]
            keep = 1 - opened[0] if gates == 1 else opened[0] / (opened[0] + opened[1])
            write = opened[0] if gates == 1 else opened[1] / (opened[0] + opened[1])
            above = candidate >= 0
            h = keep * h + write * torch.where(above, candidate + 0.5, candidate.sigmoid())
            torch.testing.assert_close(given, h)


def test_lru_step_by_step() -> None:
    made = layer("lru", layers=1)
    size, angle = torch.exp(-made.nu.exp()), made.theta.exp()
    factor = size * torch.exp(1j * angle)
    real, imaginary = made.into.weight.chunk(2)
    outwards, back = made.out.weight.chunk(2, 1)
    h = torch.zeros(4, 5, dtype=torch.complex128)
    for step, given in zip(steps().unbind(1), made(steps())[0].unbind(1), strict=True):
        h = factor * h + made.gamma * (step.to(h.dtype) @ (real + 1j * imaginary).T)
        y = (h @ (outwards - 1j * back).T.to(h.dtype)).real + made.past(step)
        value, gate = made.gated(y).chunk(2, 1)
        torch.testing.assert_close(given, value * gate.sigmoid())


def test_lru_begins_in_its_ring_and_as_large_as_its_input() -> None:
    made = small("lru", units=1_000, layers=1, radius=0.8, angle=0.5).memory.layers[0]
    sizes = made.eigenvalues().abs()
    assert 0.8 <= sizes.min() < 0.81 and 0.99 < sizes.max() < 1
    assert sizes.square().mean().item() == pytest.approx(0.82, abs=0.01)  # evenly by area
    assert 0 < made.eigenvalues().angle().max() <= 0.5
    noise = torch.randn(1, 3_000, 6, generator=torch.Generator().manual_seed(0))
    inputs = made.into(noise)[0].square().mean(0).view(2, -1).sum(0)
    ratio = made.states(noise)[0, 500:].abs().square().mean(0) / inputs
    assert ratio.median().item() == pytest.approx(1, abs=0.1)


def test_attention_by_hand() -> None:
    """Of each step and head a softmax over those before; what is turned is the distance alone."""
    made = layer("transformer", units=8, heads=2)
    given = made(steps())[0]
    widened = made.widen(steps())
    query, key, value = made.parts(widened)
    seen = torch.zeros(4, 2, 9, 4, dtype=torch.float64)
    for t in range(9):
        scores = (query[:, :, t, None] * key[:, :, : t + 1]).sum(-1) / 2
        seen[:, :, t] = (scores.softmax(-1)[..., None] * value[:, :, : t + 1]).sum(2)
    between = widened + made.out(torch.cat(seen.unbind(1), -1))
    torch.testing.assert_close(given, between + made.network(between))
    attention = made.holds(steps())["attention of head 1"]
    torch.testing.assert_close(attention.sum(-1), torch.ones(4, 9, dtype=torch.float64))
    same = torch.ones(1, 1, 9, 4, dtype=torch.float64)
    products = turned(same) @ turned(same).mT
    for away in range(9):
        diagonal = products[0, 0].diagonal(away)
        expected = diagonal[:1].expand_as(diagonal)
        torch.testing.assert_close(diagonal, expected, atol=1e-5, rtol=1e-4)  # angles are float32


def test_heads_must_share_the_units() -> None:
    with pytest.raises(ValueError, match="units=30: take a multiple of 8"):
        small("transformer", units=30)


@pytest.mark.parametrize("name", MODELS)
def test_a_layer_above_reads_the_one_below(name: str) -> None:
    model = small(name, layers=2).eval()
    inputs = torch.randint(6, (3, 7))
    below, above = model.memory.layers
    expected = above(below(model.as_steps(inputs))[0])[0]
    torch.testing.assert_close(model.memory(model.as_steps(inputs))[0], expected)
    held = model.holds(inputs)
    assert all(values.shape[:2] == (3, 7) for values in held.values())


@pytest.mark.parametrize("name", MODELS)
def test_dropout_is_between_layers_and_in_training_alone(name: str) -> None:
    model = small(name, layers=2, dropout=0.5)
    inputs = torch.randint(6, (3, 7))
    assert not model(inputs).equal(model(inputs))
    model.eval()
    assert model(inputs).equal(model(inputs))
    single = small(name, dropout=0.5, layers=1)
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
