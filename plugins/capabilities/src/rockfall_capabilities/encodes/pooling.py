"""Features of whole pictures from a model of their patches.

Coates, Lee and Ng 2011, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning",
section 3.2: every patch is encoded, and the features are summed over the picture's quadrants.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rockfall.kit.progress import counted

BATCH = 8192
"""Patches encoded at a time. 1,600 features of them take 50 MB, and a model holds several
such while it encodes.
"""


def pooled(encode: Callable[[Tensor], Tensor], pictures: Tensor, size: int, stride: int) -> Tensor:
    """Pictures (N, C, H, W) → features (N, 4 F): those of the upper left quadrant, the upper right,
    the lower left, and the lower right.

    encode: patches (P, C, size, size) → features (P, F). stride: pixels from patch to patch. Of an
    odd number of patches along a side, the one in the middle belongs to the first half.
    """
    rows, columns = ((side - size) // stride + 1 for side in pictures.shape[2:])
    parts = torch.split(pictures, max(1, BATCH // (rows * columns)))
    encoded = []
    for part in counted(parts, len(parts), f"encoding {len(pictures):,} pictures in batches"):
        patches = part.unfold(2, size, stride).unfold(3, size, stride)  # (n, C, rows, columns, …)
        features = encode(patches.permute(0, 2, 3, 1, 4, 5).flatten(0, 2))
        encoded.append(_quadrants(features.view(len(part), rows, columns, -1)))
    return torch.cat(encoded)


def _quadrants(features: Tensor) -> Tensor:
    """Sums (N, 4 F) of features (N, rows, columns, F)."""
    rows, columns = (-(-number // 2) for number in features.shape[1:3])
    halves = features[:, :rows], features[:, rows:]
    quarters = [part for half in halves for part in (half[:, :, :columns], half[:, :, columns:])]
    return torch.cat([quarter.sum((1, 2)) for quarter in quarters], 1)
