"""What a conditional model is conditioned on: class labels as one-hot vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import rockfall


class ClassConditions(nn.Module):
    """Labels (N,) int64 → one-hot conditions (N, K) float32; and labels by the data's frequencies.

    Raises ValueError for a source of fewer than two classes.
    """

    def __init__(self, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.count = len(info.classes)
        if self.count < 2:
            raise ValueError(
                "a conditional model needs a source of two classes or more, and "
                f"{info.name} is left with {self.count or 'none'}"
            )
        self.shares: Tensor
        self.register_buffer("shares", torch.full((self.count,), 1 / self.count))

    def fit(self, labels: Tensor) -> None:
        """Take over the class frequencies of training labels (N,)."""
        self.shares.copy_(labels.bincount(minlength=self.count) / len(labels))

    def forward(self, labels: Tensor) -> Tensor:
        # As `one_hot`, which reads the labels to check them, so that a GPU is waited for.
        return (labels[:, None] == torch.arange(self.count, device=labels.device)).float()

    def on_simplex(self, latents: Tensor) -> Tensor:
        """Latents that end with conditions (N, D + K) → the same, with these as shares of classes
        that are not negative and sum to 1, where sums along a sphere of noise left it: halfway
        between two one-hot classes that would be 0.7 of each. One-hot ones stay what they are.
        """
        rest, conditions = latents[:, : -self.count], latents[:, -self.count :].clamp(min=0)
        total = conditions.sum(1, keepdim=True)
        shares = torch.where(total > 0, conditions / total, conditions)
        return torch.cat((rest, shares), 1)

    def sample_labels(self, count: int) -> Tensor:
        """Labels (count,), from torch's global generator."""
        return self.shares.multinomial(count, replacement=True)


class NoConditions(nn.Module):
    """Labels (N,) → conditions (N, 0), for a model that is not conditioned on anything."""

    count = 0

    def __init__(self) -> None:
        super().__init__()
        self.empty: Tensor
        self.register_buffer("empty", torch.empty(0), persistent=False)  # of the model's dtype

    def fit(self, labels: Tensor) -> None:
        """Nothing depends on the labels."""

    def on_simplex(self, latents: Tensor) -> Tensor:
        """There is none that they could leave."""
        return latents

    def forward(self, labels: Tensor) -> Tensor:
        return self.empty.new_empty(len(labels), 0)


def concatenate(values: Tensor, conditions: Tensor) -> Tensor:
    """Values (N, C, …) and conditions (N, K) → (N, C + K, …); of pictures, K constant planes."""
    if not conditions.shape[1]:
        return values
    planes = conditions.view(*conditions.shape, *[1] * (values.ndim - 2))
    return torch.cat((values, planes.expand(-1, -1, *values.shape[2:])), 1)
