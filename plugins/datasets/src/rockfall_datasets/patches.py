"""Patches of another dataset's pictures, for unsupervised feature learning."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rockfall import Dataset, UsageError, open_source
from rockfall.sources.patches import Patches

NAME = "patches"


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
