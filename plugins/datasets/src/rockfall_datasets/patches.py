"""Patches of another dataset's pictures, to learn features of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rockfall.errors import UsageError
from rockfall.sources.dataset import Dataset
from rockfall.sources.opening import open_source
from rockfall.sources.patches import Patches

NAME = "patches"


def patches(
    of: Annotated[
        str, Field(description="the dataset that they are cut of: a name or a path")
    ] = "cifar10",
    size: Annotated[int, Field(ge=2, description="height and width of a patch")] = 8,
    count: Annotated[
        int, Field(ge=1, description="training patches; a tenth as many for each other split")
    ] = 100_000,
    stride: Annotated[
        int,
        Field(ge=1, description="pixels from patch to patch where a whole picture is encoded"),
    ] = 2,
    seed: Annotated[int, Field(ge=0, lt=2**32, description="another one cuts at other places")] = 0,
) -> Dataset:
    """Patches (C, size, size) of another dataset, each split's of that split's pictures.

    Coates, Lee and Ng 2011, "An Analysis of Single-Layer Networks in Unsupervised Feature
    Learning", section 3. Raises UsageError for a source that has no pictures so large.
    """
    if of.rpartition(":")[2] == NAME:  # before anything is opened, which may be a download
        raise UsageError(f"{NAME}: of={of} would cut patches of patches; name what has pictures")
    whole = open_source(of)
    if not isinstance(whole, Dataset):
        raise UsageError(f"{of} is no dataset to cut patches of")
    return Patches.cut(NAME, whole, size=size, count=count, stride=stride, seed=seed)
