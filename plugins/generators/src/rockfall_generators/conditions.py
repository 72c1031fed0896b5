"""The classes that a conditional model is told, as the numbers that its networks take."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall


class Conditions(nn.Module):
    """Labels (N,) int64 → one-hot (N, K) float32; and labels drawn as often as they were learned.

    Raises ValueError for a source of fewer than two classes.
    """

    def __init__(self, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.count = len(info.classes)
        if self.count < 2:
            raise ValueError(
                f"it is told which of two classes or more to make, and {info.name} is left with "
                f"{self.count or 'none'}"
            )
        self.shares: Tensor
        self.register_buffer("shares", torch.full((self.count,), 1 / self.count))

    def fit(self, labels: Tensor) -> None:
        """Take over how often each class occurs among training labels (N,)."""
        self.shares.copy_(labels.bincount(minlength=self.count) / len(labels))

    def forward(self, labels: Tensor) -> Tensor:
        return F.one_hot(labels, self.count).float()

    def draw(self, count: int) -> Tensor:
        """Labels (count,), from torch's global generator."""
        return self.shares.multinomial(count, replacement=True)


def told(conditions: Conditions | None, labels: Tensor, like: Tensor) -> Tensor:
    """Labels (N,) → conditions (N, K). Where nothing is told K is 0, and they are of the type of
    `like`.
    """
    if conditions is None:
        return like.new_empty(len(labels), 0)
    given: Tensor = conditions(labels)
    return given


def joined(values: Tensor, told: Tensor) -> Tensor:
    """Values (N, C, …) and conditions (N, K) in one, (N, C + K, …): of pictures, even planes."""
    if not told.shape[1]:
        return values
    planes = told.view(*told.shape, *[1] * (values.ndim - 2))
    return torch.cat((values, planes.expand(-1, -1, *values.shape[2:])), 1)
