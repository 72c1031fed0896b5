"""A multilayer perceptron (MLP) in NumPy, with back-propagation written out by hand.

Rumelhart, Hinton and Williams 1986, "Learning representations by back-propagating errors",
Nature 323: logistic units, gradient descent with momentum (their equation 9). The output is a
softmax under cross-entropy (Bridle 1990, "Probabilistic interpretation of feedforward
classification network outputs"). For N pictures, A_0 of shape (N, pixels), labels Y one-hot:

    forward     Z_l = A_{l−1} W_l + b_l     A_l = σ(Z_l)     P = softmax(Z_L)
    cost        C = −Σ Y ⊙ log P / N
    backward    δ_L = (P − Y) / N           δ_l = (δ_{l+1} W_{l+1}ᵀ) ⊙ A_l ⊙ (1 − A_l)
    gradients   ∂C/∂W_l = A_{l−1}ᵀ δ_l      ∂C/∂b_l = Σ_n δ_l
    step        v ← μ v − η ∂C/∂w           w ← w + v

On 28 × 28 pictures of ten classes, 784-128-10 has 101,770 parameters; on 8 × 8 digits, 64-128-10,
9,610.

It differs from the paper: softmax under cross-entropy for squared error; mini-batches for the whole
training set; initial weights scaled by the number of inputs, as LeCun et al. 1998, "Efficient
BackProp", section 4.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import prod
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from threadpoolctl import threadpool_limits
from torch import Tensor

import rockfall
from rockfall import Dataset, Split
from rockfall.kit.parallel import average
from rockfall.kit.tracing import Layer

Array = NDArray[np.floating[Any]]

EVAL_BATCH_SIZE = 1000
"""Pictures in a batch of a forward pass without gradients."""


class MlpNumpyConfig(rockfall.Config):
    layers: tuple[PositiveInt, ...] = Field(
        (128,),
        description="logistic units in each hidden layer; 128 is enough for digits, and quick",
    )
    epochs: int = Field(
        40, ge=1, description="passes over the training split; validation is flat by then"
    )
    batch_size: int = Field(32, ge=1, description="mini-batch size; small ones learn soonest here")
    lr: float = Field(
        0.3, gt=0, description="learning rate η; high, since logistic units shrink gradients"
    )
    momentum: float = Field(
        0.9, ge=0, lt=1, description="momentum coefficient μ; the paper's, there named α"
    )


class Parameters(NamedTuple):
    """weights: W_1 … W_L, (inputs, outputs) each. biases: b_1 … b_L."""

    weights: list[Array]
    biases: list[Array]


class MlpNumpy:
    """inputs (N, C, H, W) uint8 → probabilities (N, classes).

    Logs `train loss`, of each mini-batch, and after each epoch `validation loss` and
    `validation accuracy`.
    """

    Config = MlpNumpyConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": {"epochs": 20, "lr": 0.1},  # forty times as many steps an epoch as on digits
        "tiny": {"layers": (16,), "epochs": 2},
    }
    parallel: ClassVar[str] = "batches"
    monitor: ClassVar[str] = "validation accuracy"

    def __init__(self, config: MlpNumpyConfig, info: rockfall.SourceInfo) -> None:
        self.config = config
        self.shape = info.shape
        self.parameters = init_parameters((prod(info.shape), *config.layers, len(info.classes)))

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        config = self.config
        optimizer = MomentumSGD(self.parameters, config.lr, config.momentum)
        run.keep(descent=optimizer)
        with threadpool_limits(run.record.threads, "blas"):  # else NumPy takes all cores
            for epoch in run.epochs(config.epochs):
                for batch in epoch.batches(data.train, config.batch_size):
                    labels = batch.labels.cpu().numpy()
                    activations = forward(self.parameters, self.pixels(batch.inputs))
                    run.log(**{"train loss": cost(activations[-1], labels)})
                    gradients = backward(self.parameters, activations, labels)
                    average(*(torch.from_numpy(each) for group in gradients for each in group))
                    optimizer.step(gradients)
                run.log(**self.validation_metrics(data.validation))

    def pixels(self, inputs: Tensor) -> Array:
        """inputs (N, C, H, W) uint8 → A_0 (N, pixels) from 0 to 1."""
        values: Array = inputs.flatten(1).cpu().numpy().astype(np.float32)
        return values / 255

    def validation_metrics(self, split: Split) -> dict[str, float]:
        """Mean cross-entropy and accuracy on a split, from one forward pass."""
        parts = torch.split(split.inputs, EVAL_BATCH_SIZE)
        probabilities = torch.cat([self.classify(part) for part in parts])
        correct = probabilities.argmax(1) == split.labels
        return {
            "validation loss": cost(probabilities.cpu().numpy(), split.labels.cpu().numpy()),
            "validation accuracy": correct.float().mean().item(),
        }

    def classify(self, inputs: Tensor) -> Tensor:
        """inputs (N, C, H, W) → probabilities (N, classes)."""
        probabilities = forward(self.parameters, self.pixels(inputs))[-1]
        return torch.from_numpy(probabilities).to(inputs.device)

    def trace(self, inputs: Tensor) -> list[Layer]:
        """inputs (N, C, H, W) → the layers: pixels from 0 to 1, hidden units, probabilities."""
        pixels, *activations = forward(self.parameters, self.pixels(inputs))
        names = [f"{i} logistic" for i in range(1, len(activations))] + ["probabilities"]
        given = Layer("input", "input", inputs)
        layers = [
            given,
            Layer("pixels", "scale", torch.from_numpy(pixels).view(inputs.shape), (given.name,)),
        ]
        for name, values, weights, biases in zip(names, activations, *self.parameters, strict=True):
            layers.append(
                Layer(
                    name,
                    "Softmax" if name == names[-1] else "Sigmoid",
                    torch.from_numpy(values),
                    (layers[-1].name,),
                    torch.from_numpy(weights.T),
                    torch.from_numpy(biases),
                )
            )
        return layers

    def layers(self, inputs: Tensor) -> dict[str, Tensor]:
        """inputs (N, C, H, W) → name → activations (N, units), in order of depth."""
        return {layer.name: layer.values for layer in self.trace(inputs)[2:]}

    def filters(self) -> Tensor:
        """The first layer's weights as pictures (units, C, H, W)."""
        return torch.from_numpy(self.parameters.weights[0].T.copy()).reshape(-1, *self.shape)

    def state_dict(self) -> dict[str, Any]:
        return {
            key: [a.copy() for a in getattr(self.parameters, key)] for key in Parameters._fields
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises ValueError unless the arrays have this network's shapes."""
        load_arrays(self.parameters, state)


def init_parameters(widths: tuple[int, ...]) -> Parameters:
    """Normal weights of variance 1 / inputs, so that no unit starts saturated; biases are 0."""
    return Parameters(
        [
            np.random.normal(0, inputs**-0.5, (inputs, outputs)).astype(np.float32)
            for inputs, outputs in pairwise(widths)
        ],
        [np.zeros(outputs, np.float32) for outputs in widths[1:]],
    )


def forward(parameters: Parameters, pixels: Array) -> list[Array]:
    """A_0 (N, pixels) → A_0, A_1, …, A_{L−1} and the probabilities P (N, classes)."""
    activations = [pixels]
    for weights, biases in zip(*parameters, strict=True):
        activations.append(activations[-1] @ weights + biases)
        if len(activations) <= len(parameters.weights):
            activations[-1] = sigmoid(activations[-1])
    activations[-1] = softmax(activations[-1])
    return activations


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(−z)), written so that no exp overflows."""
    value: Array = (1 + np.tanh(z / 2)) / 2
    return value


def softmax(z: Array) -> Array:
    """exp(z) over its sum along axis 1, shifted so that no exp overflows."""
    powers = np.exp(z - z.max(1, keepdims=True))
    probabilities: Array = powers / powers.sum(1, keepdims=True)
    return probabilities


def cost(probabilities: Array, labels: NDArray[np.int64]) -> float:
    """Mean cross-entropy of probabilities (N, classes) and labels (N,)."""
    of_labels = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(of_labels, np.finfo(of_labels.dtype).tiny)).mean())


def backward(
    parameters: Parameters, activations: list[Array], labels: NDArray[np.int64]
) -> Parameters:
    """The activations of `forward`, and labels (N,) → ∂C/∂w of every parameter."""
    *inputs, probabilities = activations
    delta = probabilities.copy()
    delta[np.arange(len(labels)), labels] -= 1
    delta /= len(labels)
    weights: list[Array] = []
    biases: list[Array] = []
    for layer in reversed(range(len(inputs))):
        weights.insert(0, inputs[layer].T @ delta)
        biases.insert(0, delta.sum(0))
        if layer:
            propagated = delta @ parameters.weights[layer].T
            delta = propagated * inputs[layer] * (1 - inputs[layer])
    return Parameters(weights, biases)


class MomentumSGD:
    """Stochastic gradient descent with momentum (equation 9); updates `parameters` in place."""

    def __init__(self, parameters: Parameters, lr: float, momentum: float) -> None:
        self.parameters, self.lr, self.momentum = parameters, lr, momentum
        self.velocity = Parameters(*([np.zeros_like(a) for a in group] for group in parameters))

    def step(self, gradients: Parameters) -> None:
        """v ← μ v − η ∂C/∂w, w ← w + v, for every array of weights and of biases."""
        for arrays in zip(self.parameters, self.velocity, gradients, strict=True):
            for values, velocity, gradient in zip(*arrays, strict=True):
                velocity[...] = self.momentum * velocity - self.lr * gradient
                values[...] += velocity

    def state_dict(self) -> dict[str, Any]:
        return {key: [a.copy() for a in getattr(self.velocity, key)] for key in Parameters._fields}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        load_arrays(self.velocity, state)


def load_arrays(parameters: Parameters, state: Mapping[str, Any]) -> None:
    """Overwrite arrays in place. Raises ValueError unless the shapes are the same."""
    for key in Parameters._fields:
        mine, theirs = getattr(parameters, key), state[key]
        shapes = [a.shape for a in mine], [tuple(a.shape) for a in theirs]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{key} have shapes {shapes[1]}; this network's have {shapes[0]}")
        for array, saved in zip(mine, theirs, strict=True):
            array[...] = saved
