"""Comparing nested state bit for bit, and saying where it differs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def difference(first: Any, second: Any, path: str = "") -> str:
    """The path of the first difference between two nested states; empty if there is none."""
    if isinstance(first, dict) and isinstance(second, dict):
        if first.keys() != second.keys():
            return _join(path, str(next(iter(first.keys() ^ second.keys()))))
        return _first(first, second, first, path)
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        if len(first) != len(second):
            return f"{path or 'it'} ({len(first)} entries and {len(second)})"
        return _first(first, second, range(len(first)), path)
    return "" if _bits(first) == _bits(second) else path or "it"


def _first(first: Any, second: Any, keys: Any, path: str) -> str:
    found = (difference(first[key], second[key], _join(path, str(key))) for key in keys)
    return next(filter(None, found), "")


def _join(path: str, key: str) -> str:
    return f"{path}/{key}" if path else key


def _bits(value: Any) -> Any:
    """Something that is equal exactly if every bit is, which −0.0 and NaN are not by `==`."""
    if isinstance(value, torch.Tensor):
        flat = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        return value.dtype, tuple(value.shape), flat.numpy().tobytes()
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        return array.dtype.str, array.shape, array.tobytes()
    return repr(value) if isinstance(value, float) else value
