"""Stand-ins for what samples, and a dataset that they might have learned from."""

from __future__ import annotations

import torch
from torch import Tensor

from rockfall import Dataset, Split

SHAPE = (1, 4, 4)


def dataset(inputs: Tensor | None = None, classes: tuple[str, ...] = ()) -> Dataset:
    inputs = torch.zeros(8, *SHAPE, dtype=torch.uint8) if inputs is None else inputs
    split = Split(inputs, torch.full((len(inputs),), -1))
    splits = {"train": split, "validation": split, "test": split}
    return Dataset("made-up", splits, kinds=("pictures",), classes=classes)


class Plain:
    def sample(self, count: int) -> Tensor:
        return torch.randint(256, (count, *SHAPE)).to(torch.uint8)
