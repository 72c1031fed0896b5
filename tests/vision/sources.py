"""Descriptions of sources of any shape, to build models from without data."""

from __future__ import annotations

import rockfall


def info(shape: tuple[int, int, int], classes: int = 10) -> rockfall.SourceInfo:
    return rockfall.SourceInfo(
        name="source",
        kinds=("labelled-pictures",),
        shape=shape,
        dtype="uint8",
        low=0.0,
        high=255.0,
        classes=tuple(map(str, range(classes))),
        statistics={"mean": [30.0] * shape[0], "std": [70.0] * shape[0]},
    )
