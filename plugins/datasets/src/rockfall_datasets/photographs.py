"""Two photographs that come with scikit-learn: nothing to download."""

from __future__ import annotations

from torch import Tensor

from rockfall.kit import pictures
from rockfall_datasets.from_scikit_learn import data_file


def china() -> Tensor:
    """A temple among trees, (3, 427, 640) uint8."""
    return _photograph("china.jpg")


def flower() -> Tensor:
    """A dahlia, (3, 427, 640) uint8."""
    return _photograph("flower.jpg")


def _photograph(name: str) -> Tensor:
    return pictures.load(data_file(f"images/{name}"))
