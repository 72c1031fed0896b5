"""Tiny RBMs with random parameters, and sums over all their states, one by one."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

import rockfall
from rockfall.sources.dataset import Dataset, Split
from rockfall_boltzmann.rbm import Rbm, RbmConfig


def vectors(values: Tensor, name: str = "numbers") -> Dataset:
    """A dataset whose three splits are the same values (N, …)."""
    split = Split(values, torch.full((len(values),), -1))
    return Dataset(name, dict.fromkeys(("train", "validation", "test"), split), kinds=("vectors",))


def rbm(
    visible: int, hidden: int, /, seed: int = 0, scale: float = 1.0, info: Any = None, **given: Any
) -> Rbm:
    """One in double precision, its parameters and base rates of deviation `scale`."""
    if info is None:
        info = rockfall.SourceInfo(
            name="numbers",
            kinds=("vectors",),
            shape=(visible,),
            dtype="float32",
            statistics={"mean": [0.5] * visible, "std": [0.5] * visible},
        )
    model = Rbm(RbmConfig(hidden=hidden, **given), info).double()
    generator = torch.Generator().manual_seed(seed)
    theta = torch.randn(model.theta.shape, generator=generator, dtype=torch.float64) * scale
    theta[-1, -1] = 0
    model.theta.data.copy_(theta)
    model.base_bias.copy_(
        torch.randn(visible, generator=generator, dtype=torch.float64) * scale / 2
    )
    return model


def binary(*shape: int, seed: int = 0) -> Tensor:
    """Zeros and ones, float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64).round()


def states(units: int) -> np.ndarray:
    """All states of binary units (2^n, n)."""
    return np.array(list(itertools.product((0.0, 1.0), repeat=units)))


@dataclass
class Loops:
    """An RBM by its definition, one term at a time; Gaussian v on a grid."""

    model: Rbm

    def __post_init__(self) -> None:
        model = self.model
        parts = (model.weight, model.visible_bias, model.hidden_bias)
        self.w, self.b, self.c = (part.detach().double().numpy() for part in parts)

    def energy(self, v: np.ndarray, h: np.ndarray) -> float:
        """v (D,), h (M,)."""
        total = 0.0
        for i, on in enumerate(v):
            total -= self.b[i] * on
            if not self.model.binary:
                total += on**2 / 2
            for j, active in enumerate(h):
                total -= on * self.w[i, j] * active
        for j, active in enumerate(h):
            total -= self.c[j] * active
        return total

    def visible(self) -> tuple[np.ndarray, float]:
        """All v (V, D), and the volume of each: 1, or a cell of a grid in at most two dimensions.

        The trapezoidal rule is exact to all digits for what vanishes at both ends.
        """
        if self.model.binary:
            return states(len(self.b)), 1.0
        line = np.linspace(-13, 13, 105)
        mesh = np.meshgrid(*[line] * len(self.b), indexing="ij")
        return np.stack([m.ravel() for m in mesh], 1), (line[1] - line[0]) ** len(self.b)

    def joint(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """v (V, D), h (H, M), and the unnormalised weight of each pair (V, H)."""
        every_v, cell = self.visible()
        every_h = states(len(self.c))
        weights = [[math.exp(-self.energy(v, h)) * cell for h in every_h] for v in every_v]
        return every_v, every_h, np.array(weights)


def moments(model: Rbm) -> tuple[Tensor, Tensor]:
    """E[v] and E[v vᵀ] by all states, or by a grid."""
    v, _, weights = Loops(model).joint()
    chances = weights.sum(1) / weights.sum()
    return torch.tensor(chances @ v), torch.tensor((chances * v.T) @ v)


def assert_moments(v: Tensor, model: Rbm) -> None:
    mean, second = moments(model)
    spread = (second.diagonal() - mean**2).sqrt().max().item()
    torch.testing.assert_close(v.mean(0), mean, atol=0.03 * spread, rtol=0)
    torch.testing.assert_close(v.T @ v / len(v), second, atol=0.1 * spread, rtol=0.02)
