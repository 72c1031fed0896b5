"""The 8 × 8 handwritten digits that come with scikit-learn: nothing to download."""

from __future__ import annotations

import gzip

import numpy as np
import torch

from rockfall import Dataset, Split
from rockfall.kit.splits import hold_out
from rockfall.plugin import Seed
from rockfall_datasets.from_scikit_learn import data_file


def digits(seed: Seed = 0) -> Dataset:
    """1,797 pictures (1, 8, 8), 0 … 255, in ten classes.

    There is no official split. A random one holds out 20 % for test and, of the rest, 10 % for
    validation; `source.seed=N` draws another.
    """
    with gzip.open(data_file("data/digits.csv.gz"), "rt", encoding="ascii") as file:
        rows = np.loadtxt(file, delimiter=",")  # 64 pixels and the label
    # scikit-learn's pixels are from 0 to 16; a dataset's pictures have the full range of a byte.
    pixels = np.rint(rows[:, :-1] * (255 / 16)).astype(np.uint8)
    inputs = torch.from_numpy(pixels).reshape(-1, 1, 8, 8)
    labels = torch.from_numpy(rows[:, -1]).long()
    rest, test = hold_out(len(labels), 0.2, seed)
    train, validation = (rest[part] for part in hold_out(len(rest), 0.1, seed))
    return Dataset(
        "digits",
        {
            name: Split(inputs[part], labels[part])
            for name, part in (("train", train), ("validation", validation), ("test", test))
        },
        kinds=("pictures", "labelled-pictures"),
        classes=tuple("0123456789"),
        preparation="ink",
    )
