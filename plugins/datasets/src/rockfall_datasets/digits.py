"""The 8 × 8 handwritten digits that scikit-learn carries: real pictures, embedded."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits

from rockfall.sources.dataset import Dataset, Split, hold_out
from rockfall.sources.options import Seed


def digits(seed: Seed = 0) -> Dataset:
    """1,797 pictures (1, 8, 8), 0 … 255, in ten classes.

    The set has no official split. A seeded one holds out 20 % for test and, of the rest, 10 % for
    validation; `source.seed=N` draws another.
    """
    bunch = load_digits()
    # Ink is counted from 0 to 16; the full range of a byte makes it a picture like any other.
    ink = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    inputs = torch.from_numpy(ink).unsqueeze(1)
    labels = torch.from_numpy(bunch.target).long()
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
    )
