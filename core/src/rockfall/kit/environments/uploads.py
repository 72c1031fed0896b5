"""Arrays of one step of an environment as tensors on its device."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor

ALIGNMENT = 16
"""Bytes to a multiple of which each array begins: as many as the widest number has."""


def to_device(arrays: Sequence[np.ndarray[Any, Any]], device: torch.device) -> list[Tensor]:
    """Each array as a tensor on the device: on the CPU in the same memory, elsewhere in new.

    All arrays travel as one: what a small transfer takes is mostly its launch. On CUDA they do so
    from pinned memory, and nobody waits. PyTorch hands out pinned memory anew only when the copies
    from it are done, so that none is overwritten in flight.
    """
    arrays = [np.ascontiguousarray(array) for array in arrays]
    if device.type == "cpu":
        return [torch.from_numpy(array) for array in arrays]
    sizes = [-(-array.nbytes // ALIGNMENT) * ALIGNMENT for array in arrays]
    starts = [0, *accumulate(sizes)]
    pinned = device.type == "cuda"
    staging = torch.empty(starts[-1], dtype=torch.uint8, device="cpu", pin_memory=pinned)
    memory = staging.numpy()
    for array, start in zip(arrays, starts, strict=False):
        memory[start : start + array.nbytes] = array.reshape(-1).view(np.uint8)
    arrived = staging.to(device, non_blocking=True)
    return [
        arrived[start : start + array.nbytes].view(_dtype(array)).view(array.shape)
        for array, start in zip(arrays, starts, strict=False)
    ]


def _dtype(array: np.ndarray[Any, Any]) -> torch.dtype:
    return torch.from_numpy(np.empty(0, array.dtype)).dtype
