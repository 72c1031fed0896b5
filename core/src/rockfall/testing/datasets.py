"""`check_dataset`: what every registered dataset has to be."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rockfall.catalogue import Entry
from rockfall.kit.pictures import to_image
from rockfall.kit.preparation import Preparation, prepare
from rockfall.kit.targets import has_target
from rockfall.registry import registry
from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.info import SourceInfo
from rockfall.sources.opening import open_source
from rockfall.specs import DatasetSpec
from rockfall.testing.comparing import difference
from rockfall.testing.complaints import about, undisturbed
from rockfall.testing.describing import check_described, check_options

PREPARED = 100
"""Examples that are prepared once more."""


def check_dataset(name: str) -> None:
    """Check one registered dataset.

    Raises AssertionError unless: it is what its spec says; its splits, types, labels and
    description fit together; test and validation examples do not turn up in training more often
    than the data itself repeats; it is the same each time it is opened; the way in which it
    prepares pictures leaves its own as they are; it refuses an unknown option clearly; and the
    options of every dataset, `classes`, `limit` and `size`, do to it what they say.
    Raises Unavailable if its data is not on this machine and can't be had.
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
        _check_no_leak(data)
        _check_preparation(data, data)
        _check_reopening(entry, data)
        check_options(entry)
        _check_selection(entry, data)


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
    either = labelled or "sequences" in info.kinds  # whose steps may have them
    assert labelled <= bool(info.classes) <= either, "labelled kinds have classes, and no others"
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
    if "sequences" in info.kinds and labels.ndim > 1:
        labels = _check_targets(inputs, labels)
    if labels.is_floating_point():
        return
    assert labels.dtype == torch.int64, f"labels must be int64, not {labels.dtype}"
    assert labels.ndim == 1, f"labels must be (N,), not {tuple(labels.shape)}"
    if info.classes:
        low, high = int(labels.min()), int(labels.max())
        assert 0 <= low <= high < len(info.classes), (
            f"labels go from {low} to {high}, and there are {len(info.classes)} classes"
        )
    else:
        assert (labels == -1).all(), "unlabelled examples have label -1"


def _check_targets(inputs: Tensor, labels: Tensor) -> Tensor:
    """Of sequences: those labels that are targets."""
    steps, given = tuple(inputs.shape[:2]), tuple(labels.shape)
    wanted = "(N, T, K)" if labels.is_floating_point() else "(N, T)"
    assert given[:2] == steps, f"targets must be {wanted} for {steps} steps, not {given}"
    assert len(given) == len(wanted.split(",")), f"targets must be {wanted}, not {given}"
    asked = has_target(labels)
    assert asked.any(1).all(), "some sequences have no target"
    assert not torch.isinf(labels).any(), "some targets are not finite"
    return labels[asked]


def _check_no_leak(data: Dataset) -> None:
    """Real data repeats itself; a split that leaks repeats training far more often than that."""
    known = _hashes(data.train.inputs)
    seen = set(known)
    repeats = 1 - len(seen) / len(known)
    for name in ("validation", "test"):
        other = _hashes(data.splits[name].inputs)
        found = sum(row in seen for row in other) / len(other)
        assert found <= 2 * repeats + 0.01, (
            f"{found:.1%} of {name} is in train too, while {repeats:.1%} of train is there twice"
        )


def _hashes(inputs: Tensor) -> list[int]:
    return [hash(row.tobytes()) for row in inputs.flatten(1).numpy()]


def _check_preparation(own: Dataset, data: Dataset) -> None:
    """What a model is shown by whatever verb is what it would have learned from, bit for bit.

    own: the dataset without a selection that gave `data`, in the same order.
    """
    if data.info.preparation is None:
        return
    how = Preparation.from_json(data.info.preparation)
    pairs = zip(own.test.inputs[:PREPARED], data.test.inputs[:PREPARED], strict=True)
    for number, (picture, expected) in enumerate(pairs):
        found = prepare(to_image(picture), how).pixels
        assert torch.equal(found, expected), (
            f"its preparation makes another picture of test example {number}, see "
            "`rockfall.kit.preparation`"
        )


def _check_reopening(entry: Entry[DatasetSpec], data: Dataset) -> None:
    again = _open(entry)
    assert again.info == data.info, "opened again, it describes itself differently"
    for name, split in data.splits.items():
        for part in ("inputs", "labels"):
            same = not difference(getattr(split, part), getattr(again.splits[name], part))
            assert same, f"opened again, it has other {part} in split {name}"


def _check_selection(entry: Entry[DatasetSpec], data: Dataset) -> None:
    """The options that every dataset has, whether its factory or the core applies them."""
    classes = data.info.classes if data.train.labels.ndim == 1 else ()
    if classes:
        last = classes[-1]
        some = _opened_with(entry, data, classes=[last])
        assert some.info.classes == (last,), f"classes={last} leaves it {some.info.classes}"
        for name, split in data.splits.items():
            expected = split.inputs[split.labels == len(classes) - 1]
            found = some.splits[name]
            same = torch.equal(found.inputs, expected) and not found.labels.any()
            assert same, f"classes={last} leaves {name} other examples, or labels other than 0"
    limit, side = max(1, len(classes)), 5
    pictures = any("pictures" in kind for kind in data.info.kinds)
    some = _opened_with(entry, data, limit=limit, **({"size": side} if pictures else {}))
    for name in ("train", "validation"):
        size = min(limit, len(data.splits[name]))
        assert len(some.splits[name]) == size, (
            f"limit={limit} leaves {len(some.splits[name])} examples in {name}, not {size}"
        )
    assert len(some.test) == len(data.test), "limit changes test, so figures can't be compared"
    if pictures:
        shape = some.info.shape
        assert shape == (data.info.shape[0], side, side), f"size={side} makes them {shape}"
        if "resized" in (some.info.preparation or {}):
            _check_preparation(data, some)


def _opened_with(entry: Entry[DatasetSpec], data: Dataset, **options: Any) -> Dataset:
    some = open_source(entry.full_name, options)
    asked = " ".join(f"{name}={value}" for name, value in options.items())
    assert isinstance(some, Dataset), f"with {asked} it is no Dataset"
    assert some.info.name == data.info.name, f"with {asked} it calls itself {some.info.name}"
    return some
