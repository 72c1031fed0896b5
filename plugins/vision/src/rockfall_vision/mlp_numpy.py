"""A fully-connected network in NumPy, with back-propagation written out by hand.

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
from torch import Tensor

import rockfall
from rockfall.sources.dataset import Dataset, Split

Array = NDArray[np.floating[Any]]

LOOKED_AT = 1000
"""Pictures that are classified at once when nothing is learned."""


class MlpNumpyConfig(rockfall.Config):
    layers: tuple[PositiveInt, ...] = Field(
        (128,), description="logistic units a layer; 128 is enough for digits, and quick"
    )
    epochs: int = Field(40, ge=1, description="passes over the data; validation is flat by then")
    batch_size: int = Field(32, ge=1, description="pictures a step; small ones learn soonest here")
    lr: float = Field(0.3, gt=0, description="η; logistic units pass small gradients on")
    momentum: float = Field(0.9, ge=0, lt=1, description="μ, as in the paper")


class Parameters(NamedTuple):
    """weights: W_1 … W_L, (inputs, outputs) each. biases: b_1 … b_L."""

    weights: list[Array]
    biases: list[Array]


class MlpNumpy:
    """inputs (N, C, H, W) uint8 → probabilities (N, classes)."""

    Config = MlpNumpyConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": {"epochs": 20, "lr": 0.1},  # forty times as many steps an epoch as on digits
        "tiny": {"layers": (16,), "epochs": 2},
    }
    monitor: ClassVar[str] = "accuracy"
    threads: ClassVar[int] = 1  # torch only carries the data here

    def __init__(self, config: MlpNumpyConfig, info: rockfall.SourceInfo) -> None:
        self.config = config
        self.shape = info.shape
        self.parameters = initial((prod(info.shape), *config.layers, len(info.classes)))

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        config = self.config
        descent = Momentum(self.parameters, config.lr, config.momentum)
        run.keep(descent=descent)
        for epoch in run.epochs(config.epochs):
            for batch in epoch.batches(data.train, config.batch_size):
                labels = batch.labels.cpu().numpy()
                activations = forward(self.parameters, self.pixels(batch.inputs))
                run.log(loss=cost(activations[-1], labels))
                descent.step(backward(self.parameters, activations, labels))
            run.log(accuracy=self.accuracy(data.validation))

    def pixels(self, inputs: Tensor) -> Array:
        """inputs (N, C, H, W) uint8 → A_0 (N, pixels) from 0 to 1."""
        values: Array = inputs.flatten(1).cpu().numpy().astype(np.float32)
        return values / 255

    def accuracy(self, split: Split) -> float:
        """Share of a split that is classified rightly."""
        parts = torch.split(split.inputs, LOOKED_AT)
        predicted = torch.cat([self.classify(part).argmax(1) for part in parts])
        return (predicted == split.labels).float().mean().item()

    def classify(self, inputs: Tensor) -> Tensor:
        probabilities = forward(self.parameters, self.pixels(inputs))[-1]
        return torch.from_numpy(probabilities).to(inputs.device)

    def layers(self, inputs: Tensor) -> dict[str, Tensor]:
        """What each layer makes of inputs (N, C, H, W): (N, units), in order."""
        _, *activations = forward(self.parameters, self.pixels(inputs))
        names = [f"{i} logistic" for i in range(1, len(activations))] + ["probabilities"]
        return {
            name: torch.from_numpy(values).to(inputs.device)
            for name, values in zip(names, activations, strict=True)
        }

    def filters(self) -> Tensor:
        """The first layer's weights as pictures (units, C, H, W)."""
        return torch.from_numpy(self.parameters.weights[0].T.copy()).reshape(-1, *self.shape)

    def state_dict(self) -> dict[str, Any]:
        return {
            key: [a.copy() for a in getattr(self.parameters, key)] for key in Parameters._fields
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises ValueError unless the arrays have this network's shapes."""
        copy_into(self.parameters, state)


def initial(widths: tuple[int, ...]) -> Parameters:
    """Normal weights of variance 1 / inputs, so that no unit starts saturated; no biases."""
    return Parameters(
        [
            np.random.normal(0, before**-0.5, (before, after)).astype(np.float32)
            for before, after in pairwise(widths)
        ],
        [np.zeros(after, np.float32) for after in widths[1:]],
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
    """exp(z) over its sum along axis 1."""
    powers = np.exp(z - z.max(1, keepdims=True))
    shares: Array = powers / powers.sum(1, keepdims=True)
    return shares


def cost(probabilities: Array, labels: NDArray[np.int64]) -> float:
    """Mean cross-entropy of probabilities (N, classes) and labels (N,)."""
    of_labels = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(of_labels, np.finfo(of_labels.dtype).tiny)).mean())


def backward(
    parameters: Parameters, activations: list[Array], labels: NDArray[np.int64]
) -> Parameters:
    """What `forward` gave, and labels (N,) → ∂C/∂w of every parameter."""
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
            passed_on = delta @ parameters.weights[layer].T
            delta = passed_on * inputs[layer] * (1 - inputs[layer])
    return Parameters(weights, biases)


class Momentum:
    """Gradient descent that keeps some of its last step; changes `parameters` in place."""

    def __init__(self, parameters: Parameters, lr: float, momentum: float) -> None:
        self.parameters, self.lr, self.momentum = parameters, lr, momentum
        self.velocity = Parameters(*([np.zeros_like(a) for a in group] for group in parameters))

    def step(self, gradients: Parameters) -> None:
        for group, velocities, slopes in zip(
            self.parameters, self.velocity, gradients, strict=True
        ):
            for values, velocity, slope in zip(group, velocities, slopes, strict=True):
                velocity[...] = self.momentum * velocity - self.lr * slope
                values[...] += velocity

    def state_dict(self) -> dict[str, Any]:
        return {key: [a.copy() for a in getattr(self.velocity, key)] for key in Parameters._fields}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        copy_into(self.velocity, state)


def copy_into(parameters: Parameters, state: Mapping[str, Any]) -> None:
    """Overwrite arrays in place. Raises ValueError unless the shapes are the same."""
    for key in Parameters._fields:
        mine, theirs = getattr(parameters, key), state[key]
        shapes = [a.shape for a in mine], [tuple(a.shape) for a in theirs]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{key} of shapes {shapes[1]}, where {shapes[0]} were expected")
        for array, saved in zip(mine, theirs, strict=True):
            array[...] = saved
