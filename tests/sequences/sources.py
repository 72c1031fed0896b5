"""Descriptions of sequences to build models from, and models of few units, without data."""

from __future__ import annotations

from typing import Any

import torch

import rockfall
from rockfall.registry import registry

MODELS = [entry.spec.name for entry in registry().models if "sequences" in entry.spec.learns_from]


def info(symbols: int = 6, classes: int = 3, steps: int = 7) -> rockfall.SourceInfo:
    return rockfall.SourceInfo(
        name="source",
        kinds=("sequences",),
        shape=(steps,),
        dtype="int64",
        low=0.0,
        high=symbols - 1.0,
        classes=tuple(map(str, range(classes))),
    )


def numbers(features: int = 2, outputs: int = 2, steps: int = 7) -> rockfall.SourceInfo:
    return rockfall.SourceInfo(
        name="source",
        kinds=("sequences",),
        shape=(steps, features),
        dtype="float32",
        statistics={
            "mean": [1.0] * features,
            "std": [2.0] * features,
            "target mean": [3.0] * outputs,
            "target std": [5.0] * outputs,
        },
    )


def small(name: str, of: rockfall.SourceInfo | None = None, **settings: Any) -> Any:
    """A model of 5 units (8, where heads share them), with weights of one seed."""
    kind = registry().models.find(name).spec.load()
    torch.manual_seed(0)
    return kind(
        kind.Config(**{"units": 8 if name == "transformer" else 5, **settings}), of or info()
    )
