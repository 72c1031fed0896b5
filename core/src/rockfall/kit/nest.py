"""State of any shape (nested dicts, lists, tensors, arrays, plain values) as tensors and JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


def flatten(state: Any, tensors: dict[str, Tensor], path: str = "") -> Any:
    """A JSON-able copy of `state`; its tensors and arrays go into `tensors` under their paths.

    Raises TypeError for what can be neither: such an object would need pickle.
    """
    if state is None or isinstance(state, bool | int | float | str):
        return state
    if isinstance(state, Tensor):
        tensors[path] = state.detach()
        return {"channels_last" if _is_channels_last(state) else "tensor": path}
    if isinstance(state, np.ndarray):
        tensors[path] = torch.from_numpy(np.ascontiguousarray(state)).reshape(state.shape)
        return {"array": path}
    if isinstance(state, np.generic):
        return state.item()
    if isinstance(state, list | tuple):
        items = [flatten(item, tensors, f"{path}/{i}") for i, item in enumerate(state)]
        return items if isinstance(state, list) else {"tuple": items}
    if isinstance(state, dict):
        pairs = [(key, flatten(item, tensors, f"{path}/{key}")) for key, item in state.items()]
        if not all(isinstance(key, str | int) for key, _ in pairs):
            raise TypeError(f"{path}: keys must be text or whole numbers")
        return {"dict": pairs}
    raise TypeError(f"{path} is a {type(state).__name__}, which a checkpoint can't hold")


def restore(data: Any, tensors: dict[str, Tensor]) -> Any:
    """Inverse of `flatten`, after a trip through JSON."""
    if isinstance(data, list):
        return [restore(item, tensors) for item in data]
    if isinstance(data, dict):
        ((kind, value),) = data.items()
        if kind == "tensor":
            return tensors[value]
        if kind == "channels_last":
            return tensors[value].contiguous(memory_format=torch.channels_last)
        if kind == "array":
            return tensors[value].numpy()
        if kind == "tuple":
            return tuple(restore(item, tensors) for item in value)
        if kind == "dict":
            return {key: restore(item, tensors) for key, item in value}
        raise ValueError(f"{kind!r} is no kind of value")
    return data


def _is_channels_last(tensor: Tensor) -> bool:
    """A fused optimizer takes its state to lie as the weights do, and computes nonsense if not."""
    return not tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last)
