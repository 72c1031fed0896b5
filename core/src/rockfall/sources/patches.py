"""Patches: small pieces of another dataset's pictures, cut at random places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor

from rockfall.errors import UsageError
from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.selection import check_room

HELD_OUT = 10
"""Each of the other splits has one patch for so many training ones."""


class Patches(Dataset):
    """Patches (C, S, S) uint8 of the pictures of `whole`, which stays at hand.

    A patch says little of what its picture is of, so patches are not labelled. What a model has
    learned from them is measured by how well the whole pictures can be classified by its features
    of their patches, `stride` pixels apart.
    """

    whole: Dataset
    stride: int

    def __init__(
        self, name: str, splits: Mapping[str, Split], *, whole: Dataset, stride: int
    ) -> None:
        super().__init__(name, splits, kinds=("pictures",))
        self.whole, self.stride = whole, stride

    @classmethod
    def cut(
        cls, name: str, whole: Dataset, *, size: int, count: int, stride: int, seed: int
    ) -> Self:
        """`count` training patches and a tenth as many of each other split, each split's of its
        own pictures. The same seed cuts the same.

        Raises UsageError for a dataset without pictures, or none so large, and for more patches
        than there is room for.
        """
        own = whole.info.name
        if "pictures" not in whole.info.kinds:
            raise UsageError(f"{own} has no pictures to cut patches of")
        channels, height, width = whole.info.shape
        if size > min(height, width):
            raise UsageError(
                f"{own} has pictures of {height} × {width}, too small for patches of size={size}"
            )
        check_room(name, count, (channels, size, size))
        generator = torch.Generator().manual_seed(seed)
        splits = {}
        for key, split in whole.splits.items():
            some = count if key == "train" else -(-count // HELD_OUT)
            cuttings = _cut(split.inputs, size, some, generator)
            splits[key] = Split(cuttings, torch.full((some,), -1, device=cuttings.device))
        return cls(name, splits, whole=whole, stride=stride)

    def with_splits(self, splits: Mapping[str, Split], classes: tuple[str, ...]) -> Patches:
        return Patches(self.info.name, splits, whole=self.whole, stride=self.stride)

    def to(self, device: torch.device) -> Self:
        moved = super().to(device)
        moved.whole, moved.stride = self.whole.to(device), self.stride
        return moved


def _cut(pictures: Tensor, size: int, count: int, generator: torch.Generator) -> Tensor:
    """Pictures (N, C, H, W) → patches (count, C, size, size), any place of any as likely."""
    places = pictures.unfold(2, size, 1).unfold(3, size, 1)  # (N, C, rows, columns, size, size)
    number, _, rows, columns = places.shape[:4]
    which, top, left = (
        torch.randint(most, (count,), generator=generator).to(pictures.device)
        for most in (number, rows, columns)
    )
    return places[which, :, top, left]
