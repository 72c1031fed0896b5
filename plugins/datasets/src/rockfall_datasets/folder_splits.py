"""Which pictures of a folder are held out: drawn by their content, so that names mean nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rockfall import Split

NAMED = 3
"""Files that a warning names."""


def hold_out(split: Split, fraction: float, seed: int, leave: int) -> tuple[Split, Split]:
    """Stratified: (kept, held out), the same fraction of every class, at least one picture.

    Which ones is drawn from the seed and each picture's digest. So a file that is renamed stays
    where it was, and all copies of a picture go the same way, unless then fewer than `leave`
    pictures of a class were kept.
    """
    assert split.digests is not None
    draws = torch.tensor([_draw(digest, seed) for digest in split.digests.tolist()])
    held = torch.zeros(len(split), dtype=torch.bool)
    for label in split.labels.unique():
        own = (split.labels == label).nonzero().flatten()
        order = draws[own].unique()
        drawn = order[: _share(fraction, len(order))]
        if len(order) - len(drawn) >= leave:
            held[own[torch.isin(draws[own], drawn)]] = True
        else:
            held[own[: _share(fraction, len(own))]] = True
    return split.some(~held), split.some(held)


def hold_out_by_name(split: Split, fraction: float, seed: int, leave: int) -> tuple[Split, Split]:
    """As version 0.1 did: drawn from the sorted names. For the runs that it left.

    leave: how many of a class are kept, at least, which there are in any case.
    """
    generator = torch.Generator().manual_seed(seed)
    held = torch.zeros(len(split), dtype=torch.bool)
    for label in split.labels.unique():
        own: Tensor = (split.labels == label).nonzero().flatten()
        drawn = torch.randperm(len(own), generator=generator)
        held[own[drawn[: _share(fraction, len(own))]]] = True
    return split.some(~held), split.some(held)


def _share(fraction: float, count: int) -> int:
    return max(1, round(fraction * count))


def _draw(digest: int, seed: int) -> int:
    content = f"{seed} {digest}".encode()
    return int.from_bytes(hashlib.sha256(content).digest()[:7], "big")


def copies(splits: Mapping[str, Split], classes: Sequence[str]) -> list[str]:
    """What to say of pictures that are in two splits, or in two classes."""
    said = []
    train = splits["train"]
    for name in ("validation", "test"):
        other = splits[name]
        assert train.digests is not None and other.digests is not None
        both = torch.isin(other.digests, train.digests)
        if both.any():
            twins = _twins(train, other.some(both))
            said.append(
                f"{int(both.sum()):,} of {len(other):,} {name} pictures are in training too "
                f"({twins}): they tell nothing of how well a model does on new ones"
            )
    if classes:
        said += _in_two_classes(splits)
    return said


def _in_two_classes(splits: Mapping[str, Split]) -> list[str]:
    first: dict[int, tuple[int, str]] = {}
    found = []
    for split in splits.values():
        assert split.digests is not None
        rows = zip(split.digests.tolist(), split.labels.tolist(), split.files, strict=True)
        for digest, label, file in rows:
            known, twin = first.setdefault(digest, (label, file))
            if known != label:
                found.append(f"{twin} is {file}")
    if not found:
        return []
    count = "1 picture is" if len(found) == 1 else f"{len(found):,} pictures are"
    return [f"{count} in two classes ({listed(found)}): no model can tell them apart"]


def _twins(train: Split, other: Split) -> str:
    assert train.digests is not None and other.digests is not None
    named = dict(zip(train.digests.tolist(), train.files, strict=True))
    pairs = zip(other.digests.tolist(), other.files, strict=True)
    return listed([f"{file} is {named[digest]}" for digest, file in pairs])


def listed(names: Sequence[str], most: int = NAMED) -> str:
    """The first names, and how many more there are."""
    more = f", and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
