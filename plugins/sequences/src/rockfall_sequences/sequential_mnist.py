"""Pictures read as sequences: row by row, pixel by pixel, or their pixels in one random order.

Le, Jaitly and Hinton 2015, "A Simple Way to Initialize Recurrent Networks of Rectified Linear
Units": MNIST's 784 pixels one after the other, from which the digit is to be told at the end;
permuted, all that is near in the picture is far apart in time.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from rockfall import Dataset, Split, UsageError, open_source
from rockfall.plugin import Seed
from rockfall_sequences.sequences import Sequences

Order = Annotated[
    Literal["rows", "pixels", "permuted"],
    Field(description="what a step is: a row, a pixel, or a pixel in an order drawn by the seed"),
]
Of = Annotated[
    str, Field(description="the dataset whose labelled pictures are read; digits is embedded")
]


def sequential_mnist(order: Order = "rows", of: Of = "mnist", seed: Seed = 0) -> Sequences:
    """Sequences (N, H, C W) or (N, H W, C) uint8 of pictures, with their labels (N,).

    Raises UsageError for a source that is not one of labelled pictures.
    """
    data = open_source(of)
    if not isinstance(data, Dataset) or "labelled-pictures" not in data.info.kinds:
        raise UsageError(f"sequential-mnist: of={of} is no dataset of labelled pictures")
    _, height, width = data.info.shape
    places = torch.arange(height * width)
    if order == "permuted":
        places = torch.randperm(len(places), generator=torch.Generator().manual_seed(seed))

    def read(pictures: Tensor) -> Tensor:
        if order == "rows":
            return pictures.transpose(1, 2).flatten(2)
        return pictures.flatten(2).transpose(1, 2)[:, places].contiguous()

    splits = {key: Split(read(part.inputs), part.labels) for key, part in data.splits.items()}
    return Sequences("sequential-mnist", splits, classes=data.info.classes)
