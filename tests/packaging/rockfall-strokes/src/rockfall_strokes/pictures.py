"""Strokes of random length, upright or level."""

import torch

from rockfall import Dataset, Split

SIZE = 8


def strokes() -> Dataset:
    """300 pictures (1, 8, 8) with one stroke each, in two classes."""
    generator = torch.Generator().manual_seed(0)
    splits = {}
    for name, number in (("train", 200), ("validation", 50), ("test", 50)):
        labels = torch.randint(2, (number,), generator=generator)
        lengths = torch.randint(1, SIZE + 1, (number,), generator=generator)
        rows = torch.randint(SIZE, (number,), generator=generator)
        inputs = torch.zeros(number, 1, SIZE, SIZE, dtype=torch.uint8)
        for picture, level, length, row in zip(inputs, labels, lengths, rows, strict=True):
            (picture[0] if level else picture[0].T)[row, :length] = 255
        splits[name] = Split(inputs, labels)
    kinds = ("pictures", "labelled-pictures")
    return Dataset("strokes", splits, kinds=kinds, classes=("upright", "level"))
