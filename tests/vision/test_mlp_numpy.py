"""Back-propagation by hand: against finite differences, autograd and torch's own SGD."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import rockfall
from rockfall_vision.mlp_numpy import (
    MlpNumpy,
    MlpNumpyConfig,
    MomentumSGD,
    Parameters,
    backward,
    cost,
    forward,
    init_parameters,
    sigmoid,
    softmax,
)

WIDTHS = (6, 5, 4, 3)


@pytest.fixture
def parameters() -> Parameters:
    """In double precision, with biases that are not 0."""
    np.random.seed(0)
    weights, biases = init_parameters(WIDTHS)
    return Parameters(
        [w.astype(np.float64) for w in weights],
        [b + np.random.normal(0, 0.5, b.shape) for b in biases],
    )


def examples(count: int = 7) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    return generator.random((count, WIDTHS[0])), generator.integers(0, WIDTHS[-1], count)


def twin(parameters: Parameters) -> nn.Sequential:
    """The same network in torch."""
    layers: list[nn.Module] = []
    for weights, biases in zip(*parameters, strict=True):
        linear = nn.Linear(*weights.shape, dtype=torch.float64)
        linear.weight.data = torch.from_numpy(weights.T.copy())
        linear.bias.data = torch.from_numpy(biases.copy())
        layers += [linear, nn.Sigmoid()]
    return nn.Sequential(*layers[:-1])


def test_gradients_against_finite_differences(parameters: Parameters) -> None:
    pixels, labels = examples()
    gradients = backward(parameters, forward(parameters, pixels), labels)
    step = 1e-6
    for arrays, slopes in zip(parameters, gradients, strict=True):
        for array, slope in zip(arrays, slopes, strict=True):
            for place in np.ndindex(array.shape):
                costs = []
                for sign in (1, -1):
                    array[place] += sign * step
                    costs.append(cost(forward(parameters, pixels)[-1], labels))
                    array[place] -= sign * step
                assert slope[place] == pytest.approx((costs[0] - costs[1]) / (2 * step), abs=1e-8)


def test_cost_and_gradients_against_autograd(parameters: Parameters) -> None:
    pixels, labels = examples()
    network = twin(parameters)
    loss = F.cross_entropy(network(torch.from_numpy(pixels)), torch.from_numpy(labels))
    loss.backward()
    activations = forward(parameters, pixels)
    assert cost(activations[-1], labels) == pytest.approx(loss.item(), rel=1e-12)
    weights, biases = backward(parameters, activations, labels)
    linears = [layer for layer in network if isinstance(layer, nn.Linear)]
    for linear, weight, bias in zip(linears, weights, biases, strict=True):
        assert linear.weight.grad is not None and linear.bias.grad is not None
        np.testing.assert_allclose(weight.T, linear.weight.grad.numpy(), rtol=1e-10, atol=1e-15)
        np.testing.assert_allclose(bias, linear.bias.grad.numpy(), rtol=1e-10, atol=1e-15)


def test_descends_as_torch_does(parameters: Parameters) -> None:
    network = twin(parameters)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3, momentum=0.9)
    sgd = MomentumSGD(parameters, lr=0.3, momentum=0.9)
    for count in range(3, 23):
        pixels, labels = examples(count)
        sgd.step(backward(parameters, forward(parameters, pixels), labels))
        loss = F.cross_entropy(network(torch.from_numpy(pixels)), torch.from_numpy(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    linears = [layer for layer in network if isinstance(layer, nn.Linear)]
    for linear, weight, bias in zip(linears, *parameters, strict=True):
        np.testing.assert_allclose(weight.T, linear.weight.detach().numpy(), rtol=1e-10)
        np.testing.assert_allclose(bias, linear.bias.detach().numpy(), rtol=1e-10)


def test_nothing_overflows() -> None:
    z = np.array([[-1e4, 0.0, 1e4]], np.float32)
    assert sigmoid(z).tolist() == [[0, 0.5, 1]]
    assert softmax(z).tolist() == [[0, 0, 1]]
    assert np.isfinite(cost(softmax(z), np.array([0])))


@pytest.mark.long
def test_learns_digits(tmp_path: Path) -> None:
    run = rockfall.train("mlp-numpy", out=tmp_path, listeners=[])
    assert run.result is not None
    assert run.result["figures"]["test accuracy"]["value"] >= 0.96


def model() -> MlpNumpy:
    info = rockfall.open_source("digits").info
    return MlpNumpy(MlpNumpyConfig(layers=(12, 7)), info)


def test_filters_are_what_the_first_units_look_for() -> None:
    shown = model()
    inputs = torch.randint(256, (5, 1, 8, 8), dtype=torch.uint8)
    filters = shown.filters()
    assert filters.shape == (12, 1, 8, 8)
    sums = torch.einsum("nchw,fchw->nf", inputs.float() / 255, filters)
    layers = shown.layers(inputs)
    torch.testing.assert_close(layers["1 logistic"], sums.sigmoid())
    assert [tuple(values.shape) for values in layers.values()] == [(5, 12), (5, 7), (5, 10)]
    assert torch.equal(layers["probabilities"], shown.classify(inputs))


def test_arrays_of_another_network_are_refused_and_change_nothing() -> None:
    ours, before = model(), model().state_dict()
    ours.load_state_dict(before)
    other = MlpNumpy(MlpNumpyConfig(layers=(12,)), rockfall.open_source("digits").info)
    with pytest.raises(ValueError, match="shapes"):
        ours.load_state_dict(other.state_dict())
    for key, arrays in before.items():
        for array, same in zip(arrays, ours.state_dict()[key], strict=True):
            np.testing.assert_array_equal(array, same)
