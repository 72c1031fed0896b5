"""Two photographs that come with scikit-learn: nothing to download."""

from __future__ import annotations

import torch
from sklearn.datasets import load_sample_image
from torch import Tensor


def china() -> Tensor:
    """A temple among trees, (3, 427, 640) uint8."""
    return _photograph("china.jpg")


def flower() -> Tensor:
    """A dahlia, (3, 427, 640) uint8."""
    return _photograph("flower.jpg")


def _photograph(name: str) -> Tensor:
    return torch.from_numpy(load_sample_image(name).copy()).permute(2, 0, 1).contiguous()
