"""States that come from a file, given to what they are of: what does not fit is refused by name.

A digest tells that a checkpoint is whole, not who wrote it. Shapes, types and numbers are looked at
here, since a fused optimizer, say, reads past the end of a state that is too short.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rockfall.errors import CheckpointError, is_out_of_memory


def load_model(model: Any, state: Any, what: object) -> None:
    """`model.load_state_dict(state)`. Raises CheckpointError, which begins with `what`, if it does
    not fit, or if a weight is no finite number.
    """
    try:
        _check_types(model, state)
        model.load_state_dict(state)
    except Exception as error:  # whatever a model of a plugin raises
        if is_out_of_memory(error):
            raise
        raise CheckpointError(f"{what} does not fit the model: {_reason(error)}") from None
    weights = dict(model.named_parameters()) if isinstance(model, nn.Module) else {}
    for name, tensor in _numbers(state):
        if tensor.isnan().any() or (name in weights and not tensor.isfinite().all()):
            raise CheckpointError(f"{what} holds what is no finite number, in {name}")


def load_kept(thing: Any, state: Any, what: object) -> None:
    """As `load_model`, for an optimizer, an environment or whatever else a run keeps."""
    try:
        thing.load_state_dict(state)
        if hasattr(thing, "param_groups") and isinstance(getattr(thing, "state", None), Mapping):
            _check_optimizer(thing)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise CheckpointError(f"{what} does not fit: {_reason(error)}") from None


def _check_types(model: Any, state: Any) -> None:
    """Whole numbers are no weights: torch would turn them into such without a word."""
    if not isinstance(model, nn.Module):
        return
    if not isinstance(state, Mapping):
        raise TypeError(f"a {type(state).__name__} is no state")
    for name, own in model.state_dict().items():
        given = state.get(name)
        if isinstance(own, Tensor) and isinstance(given, Tensor) and _kind(own) != _kind(given):
            raise TypeError(f"{name} is {given.dtype}, not {own.dtype}")


def _kind(tensor: Tensor) -> tuple[bool, bool]:
    return tensor.is_floating_point(), tensor.is_complex()


def _check_optimizer(optimizer: Any) -> None:
    """What is kept of a parameter has its shape, or that of a row, a column or a number of it; or
    it is of all parameters, end to end.
    """
    everything = sum(p.numel() for group in optimizer.param_groups for p in group["params"])
    for parameter, kept in optimizer.state.items():
        for name, value in kept.items() if isinstance(kept, Mapping) else ():
            if not isinstance(value, Tensor) or value.numel() in (1, everything):
                continue
            same = len(value.shape) == len(parameter.shape) and all(
                side in (1, own) for side, own in zip(value.shape, parameter.shape, strict=True)
            )
            if not same:
                raise ValueError(
                    f"{name} of shape {tuple(value.shape)} for a parameter of shape "
                    f"{tuple(parameter.shape)}"
                )


def _numbers(state: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor or array of fractions, under its path."""
    if isinstance(state, np.ndarray) and state.dtype.kind == "f":
        state = torch.from_numpy(state)
    if isinstance(state, Tensor):
        if state.is_floating_point() or state.is_complex():
            yield path, state
    elif isinstance(state, Mapping):
        for key, value in state.items():
            yield from _numbers(value, f"{path}.{key}" if path else str(key))
    elif isinstance(state, list | tuple):
        for index, value in enumerate(state):
            yield from _numbers(value, f"{path}.{index}")


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    known = isinstance(error, RuntimeError | ValueError | CheckpointError) and text
    return text if known else f"{type(error).__name__}: {text}"
