"""Connected regions of a mask, which touch by a side or a corner."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F


class Region(NamedTuple):
    """number: its label. box: left, upper, right and lower. weight: the sum of what is in it."""

    number: int
    box: tuple[int, int, int, int]
    weight: float

    @property
    def length(self) -> int:
        """The longer side of its box, in pixels."""
        left, upper, right, lower = self.box
        return max(right - left, lower - upper)

    def encloses(self, other: Region) -> bool:
        """Whether another's box lies inside its own, and touches no side of it."""
        left, upper, right, lower = self.box
        inner = other.box
        return left < inner[0] and upper < inner[1] and inner[2] < right and inner[3] < lower


def labels_of(mask: np.ndarray) -> np.ndarray:
    """(H, W) bool → (H, W) int64: the same number, 1 or more, throughout a region; 0 outside.

    Each pixel points at the last of its neighbours, and then at what that one points at, so that
    long strokes take few rounds: Shiloach and Vishkin 1982.
    """
    inside = torch.from_numpy(mask)
    labels = torch.where(inside, torch.arange(mask.size).view(mask.shape).double(), -1.0)
    while True:
        nearby = F.max_pool2d(labels[None], 3, stride=1, padding=1)[0]
        pointed = nearby[inside]
        following = torch.full_like(labels, -1)
        following[inside] = torch.maximum(pointed, nearby.flatten()[pointed.long()])
        if torch.equal(following, labels):
            return np.asarray(labels.long() + 1)
        labels = following


def regions_of(labels: np.ndarray, weights: np.ndarray) -> list[Region]:
    """The regions of `labels_of`, the heaviest first. weights: (H, W), 0 or more."""
    inside = np.nonzero(labels)
    numbers, which = np.unique(labels[inside], return_inverse=True)
    rows, columns = inside
    heavy = np.bincount(which, weights[inside], len(numbers))
    low = np.full((2, len(numbers)), max(labels.shape))
    high = np.zeros((2, len(numbers)), int)
    for axis, places in enumerate((columns, rows)):
        np.minimum.at(low[axis], which, places)
        np.maximum.at(high[axis], which, places + 1)
    return [
        Region(
            int(numbers[index]),
            (*map(int, low[:, index]), *map(int, high[:, index])),  # type: ignore[arg-type]
            float(heavy[index]),
        )
        for index in np.argsort(-heavy, kind="stable")
    ]
