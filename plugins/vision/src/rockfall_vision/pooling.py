"""Global max pooling with a deterministic backward pass on CUDA."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class GlobalMaxPool2d(nn.Module):
    """(N, C, H, W) → (N, C, 1, 1): the maximum of each feature map.

    It is `nn.AdaptiveMaxPool2d(1)`, whose backward pass adds in any order on CUDA and is refused
    while only deterministic algorithms are allowed.
    """

    def forward(self, maps: Tensor) -> Tensor:
        return F.max_pool2d(maps, maps.shape[2:])
