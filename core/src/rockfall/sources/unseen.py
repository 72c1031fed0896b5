"""Test examples that a model has not been trained on: on no others is it measured."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch

from rockfall.errors import RockfallError
from rockfall.kit import digests
from rockfall.sources.dataset import Dataset
from rockfall.sources.source import Source


class AllSeen(RockfallError):
    """There is no test example that was not trained on."""


def unseen(source: Source, info: Mapping[str, Any]) -> Source:
    """The source of a run without the test examples that were trained on, of which it warns.

    info: of the run, which knows what it was trained on. Examples without digests are those of a
    dataset that does not change. Raises AllSeen if no other is left.
    """
    if not isinstance(source, Dataset) or source.test.digests is None:
        return source
    trained = [source.train.digests, info.get("digests") and digests.from_text(info["digests"])]
    known = torch.cat([each for each in trained if each is not None])
    seen = torch.isin(source.test.digests, known)
    if not seen.any():
        return source
    name, count, total = source.info.name, int(seen.sum()), len(seen)
    if count == total:
        raise AllSeen(
            f"all {total:,} test pictures of {name} were trained on, so nothing can be measured "
            "on them: give it others"
        )
    left = copy.copy(source)
    left.splits = {**source.splits, "test": source.test.some(~seen)}
    left.warnings = (
        *source.warnings,
        f"{count:,} of {total:,} test pictures of {name} were trained on, and are left out of "
        "what is measured",
    )
    return left


def with_validation_as_test(source: Source) -> Source:
    """The source whose validation examples are measured on in the place of its test examples, so
    that settings can be chosen by what is measured. Of an environment the seed tells them apart.
    """
    if not isinstance(source, Dataset):
        return source
    left = copy.copy(source)
    left.splits = {**source.splits, "test": source.validation}
    left.whole = source.whole and with_validation_as_test(source.whole)  # type: ignore[assignment]
    return left
