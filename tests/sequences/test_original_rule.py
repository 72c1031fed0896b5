"""The original rule of SimpleLSTM against gradients that autograd cuts where it says."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.sequences.sources import info, numbers, small

LR = 0.07


def stepped(model: object, inputs: Tensor, labels: Tensor) -> None:
    """The rule as its paperless author meant it: h on the right of W is a constant.

    Each target steps at once; derivatives of earlier steps are those by the weights of then, which
    autograd finds if each step has a copy of the weights of its own.
    """
    layer, readout = model.memory.layers[0], model.readout  # type: ignore[attr-defined]
    units = layer.units
    steps = F.one_hot(inputs, 6).float()
    h = torch.zeros(len(inputs), units)
    copies = []
    for t in range(inputs.shape[1]):
        weight = layer.weight.detach().clone().requires_grad_()
        bias = layer.bias.detach().clone().requires_grad_()
        copies.append((weight, bias))
        seen = torch.cat((steps[:, t], h.detach()), 1)
        f, g = (seen @ weight.T + bias).sigmoid().chunk(2, 1)
        h = f * h + (1 - f) * g
        asked = labels[:, t] != -100
        if not asked.any():
            continue
        wrong = F.one_hot(labels[asked, t], 3) - readout(h[asked])
        loss = wrong.square().sum() / 2 / asked.sum()
        flat = [values for pair in copies for values in pair]
        grads = torch.autograd.grad(loss, [*readout.parameters(), *flat], retain_graph=True)
        with torch.no_grad():
            for values, grad in zip(readout.parameters(), grads[:2], strict=True):
                values -= LR * grad
            layer.weight -= LR * sum(grads[2::2])
            layer.bias -= LR * sum(grads[3::2])


@pytest.mark.parametrize("sequences", [1, 4])
def test_it_steps_down_the_cut_gradient(sequences: int) -> None:
    model = small("simple-lstm", info(steps=9), rule="original", lr=LR)
    with torch.no_grad():
        for values in model.parameters():
            values.mul_(10)  # uniform in ±1, where what is cut matters
    other = copy.deepcopy(model)
    inputs = torch.randint(6, (sequences, 9))
    labels = torch.full((sequences, 9), -100)
    labels[:, -2:] = torch.randint(3, (sequences, 2))
    labels[0, 3] = 1
    model.learn_online(inputs, labels)
    before = copy.deepcopy(other)
    stepped(other, inputs, labels)
    for name, values in model.state_dict().items():
        torch.testing.assert_close(values, other.state_dict()[name], msg=name)
    assert not model.memory.layers[0].weight.equal(before.memory.layers[0].weight)


def test_it_begins_small_and_is_of_one_layer_and_classes() -> None:
    model = small("simple-lstm", rule="original")
    sizes = torch.cat([values.detach().flatten() for values in model.parameters()]).abs()
    assert 0.09 < sizes.max() <= 0.1
    with pytest.raises(ValueError, match="one layer"):
        small("simple-lstm", rule="original", layers=2)
    with pytest.raises(ValueError, match="one layer"):
        small("simple-lstm", numbers(), rule="original")


def test_its_outputs_are_the_probabilities() -> None:
    model = small("simple-lstm", rule="original").eval()
    inputs = torch.randint(6, (3, 7))
    given = model.predict(inputs)
    torch.testing.assert_close(given.sum(-1), torch.ones(3, 7))
    clear = model(inputs).argmax(-1) == given.argmax(-1)
    assert clear[model(inputs).amax(-1) > 0].all()
