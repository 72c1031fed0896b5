"""`check_dataset`: what every registered dataset has to be."""

from __future__ import annotations

import torch
from torch import Tensor

from rockfall.catalogue import Entry
from rockfall.registry import registry
from rockfall.run.randomness import random_state, seed_everything
from rockfall.sources import SourceInfo, open_source
from rockfall.sources.dataset import Dataset, Split
from rockfall.specs import DatasetSpec
from rockfall.testing.comparing import difference
from rockfall.testing.complaints import about, undisturbed
from rockfall.testing.describing import check_described, check_options


def check_dataset(name: str) -> None:
    """Check one registered dataset.

    Raises AssertionError unless: it is what its spec says; its splits, types, labels and
    description fit together; test and validation examples do not turn up in training more often
    than the data itself repeats; it is the same each time it is opened, whatever the random
    generators' state, which opening leaves alone; and it refuses an unknown option clearly.
    """
    entry = registry().datasets.find(name)
    with about(f"dataset {entry.full_name}"), undisturbed():
        data = _open(entry)
        _check_description(entry.spec, data)
        for split in data.splits:
            with about(f"split {split}"):
                _check_split(data.info, data.splits[split])
        present = set(data.train.labels.unique().tolist())
        absent = [c for label, c in enumerate(data.info.classes) if label not in present]
        assert not absent, f"training has no example of {', '.join(absent)}"
        for split in ("validation", "test"):
            _check_no_leak(data.train, data.splits[split], split)
        _check_reopening(entry, data)
        check_options(entry)


def _open(entry: Entry[DatasetSpec]) -> Dataset:
    data = open_source(entry.full_name)
    assert isinstance(data, Dataset), f"opening it gives a {type(data).__name__}, not a Dataset"
    return data


def _check_description(spec: DatasetSpec, data: Dataset) -> None:
    info = data.info
    check_described(spec, info)
    assert spec.licence, "its spec names no licence"
    assert spec.reference, "its spec does not say where it comes from (reference)"
    labelled = any(kind.startswith("labelled") for kind in info.kinds)
    assert labelled == bool(info.classes), "labelled kinds have classes, and no others"
    assert len(set(info.classes)) == len(info.classes), "two classes have one name"


def _check_split(info: SourceInfo, split: Split) -> None:
    inputs, labels = split.inputs, split.labels
    assert len(split), "it is empty"
    if any("pictures" in kind for kind in info.kinds):
        shape = tuple(inputs.shape)
        assert inputs.dtype == torch.uint8, f"pictures must be uint8, not {inputs.dtype}"
        assert inputs.ndim == 4, f"pictures must be (N, C, H, W), not {shape}"
        assert inputs.shape[1] in (1, 3), f"pictures have 1 or 3 channels, not {inputs.shape[1]}"
    if inputs.is_floating_point():
        assert torch.isfinite(inputs).all(), "some inputs are not finite"
    assert labels.dtype == torch.int64, f"labels must be int64, not {labels.dtype}"
    assert labels.ndim == 1, f"labels must be (N,), not {tuple(labels.shape)}"
    if info.classes:
        low, high = int(labels.min()), int(labels.max())
        assert 0 <= low <= high < len(info.classes), (
            f"labels go from {low} to {high}, and there are {len(info.classes)} classes"
        )
    else:
        assert (labels == -1).all(), "unlabelled examples have label -1"


def _check_no_leak(train: Split, other: Split, name: str) -> None:
    """Real data repeats itself; a split that leaks repeats training far more often than that."""
    known = _rows(train.inputs)
    repeats = 1 - len(set(known)) / len(known)
    seen = set(known)
    found = sum(row in seen for row in _rows(other.inputs)) / len(other)
    assert found <= 2 * repeats + 0.01, (
        f"{found:.1%} of {name} is in train too, while {repeats:.1%} of train is there twice"
    )


def _rows(inputs: Tensor) -> list[bytes]:
    return [row.tobytes() for row in inputs.flatten(1).numpy()]


def _check_reopening(entry: Entry[DatasetSpec], data: Dataset) -> None:
    seed_everything(12345)
    before = random_state()
    again = _open(entry)
    assert not difference(before, random_state()), "opening it draws from the global generators"
    assert again.info == data.info, "opened again, it describes itself differently"
    for name, split in data.splits.items():
        for part in ("inputs", "labels"):
            same = not difference(getattr(split, part), getattr(again.splits[name], part))
            assert same, f"opened again, it has other {part} in split {name}"
