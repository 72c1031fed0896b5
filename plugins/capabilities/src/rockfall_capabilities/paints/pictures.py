"""The painting: of a finished run, and as snapshots while it learns."""

from __future__ import annotations

from torch import Tensor

from rockfall import Picture
from rockfall.kit.transparency import with_alpha
from rockfall_capabilities.paints.protocol import Paints

SNAPSHOT_SIDE = 384
"""Pixels along the longer side of a snapshot, at most."""


def pictures(model: Paints, source: Picture) -> dict[str, Tensor]:
    """`painting`, as large as the picture that it learned from, and as transparent."""
    _, height, width = source.info.shape
    return {"painting": with_alpha(model.paint(height, width), source.alpha)}


def snapshots(model: Paints, source: Picture) -> dict[str, Tensor]:
    """`painting` by now, smaller than the picture where that is large: painting takes time."""
    _, height, width = source.info.shape
    scale = min(1.0, SNAPSHOT_SIDE / max(height, width))
    return {"painting": model.paint(max(1, round(height * scale)), max(1, round(width * scale)))}
