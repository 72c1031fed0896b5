"""Patches of another dataset's pictures, for unsupervised feature learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

import torch
from pydantic import Field
from torch import Tensor

from rockfall import Dataset, Split, UsageError, open_source
from rockfall.kit.memory import check_room

NAME = "patches"
HELD_OUT = 10
"""Each of the other splits has one patch for so many training ones."""


def patches(
    of: Annotated[
        str, Field(description="dataset whose pictures the patches are cut from: a name or a path")
    ] = "cifar10",
    size: Annotated[int, Field(ge=2, description="height and width of a patch, in pixels")] = 8,
    count: Annotated[
        int,
        Field(
            ge=1,
            description="number of training patches; the other splits have a tenth as many each",
        ),
    ] = 100_000,
    stride: Annotated[
        int,
        Field(
            ge=1,
            description="stride in pixels at which a whole picture is encoded by its patches",
        ),
    ] = 2,
    seed: Annotated[
        int, Field(ge=0, lt=2**32, description="random seed of the positions of the patches")
    ] = 0,
) -> Dataset:
    """Patches (C, size, size) of another dataset; those of a split are cut from that split.

    Coates, Lee and Ng 2011, "An Analysis of Single-Layer Networks in Unsupervised Feature
    Learning", section 3. Raises UsageError for a source without pictures of at least that size.
    """
    if of.rpartition(":")[2] == NAME:  # before opening it, which may be a download
        raise UsageError(
            f"{NAME}: of={of} would cut patches of patches; name a dataset of pictures"
        )
    source = open_source(of)
    if not isinstance(source, Dataset):
        raise UsageError(f"{of} is no dataset to cut patches of")
    return Patches.cut(NAME, source, size=size, count=count, stride=stride, seed=seed)


class Patches(Dataset):
    """Patches (C, S, S) uint8 of the pictures of `whole`, which stays at hand.

    A patch says little of what its picture is of, so patches are not labelled. What a model has
    learned from them is measured by how well the whole pictures can be classified by its features
    of their patches, `stride` pixels apart.
    """

    whole: Dataset

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


def _cut(pictures: Tensor, size: int, count: int, generator: torch.Generator) -> Tensor:
    """Pictures (N, C, H, W) → patches (count, C, size, size), any place of any as likely."""
    places = pictures.unfold(2, size, 1).unfold(3, size, 1)  # (N, C, rows, columns, size, size)
    number, _, rows, columns = places.shape[:4]
    which, top, left = (
        torch.randint(most, (count,), generator=generator).to(pictures.device)
        for most in (number, rows, columns)
    )
    return places[which, :, top, left]
