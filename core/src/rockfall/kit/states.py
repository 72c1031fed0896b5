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

from rockfall.errors import CheckpointError, RockfallError, is_out_of_memory


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
        for optimizer in _optimizers_in(thing):
            _check_optimizer(optimizer)
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


def _optimizers_in(thing: Any, depth: int = 5) -> Iterator[Any]:
    """The optimizers that a thing is or has, at any place of its attributes."""
    if hasattr(thing, "param_groups") and isinstance(getattr(thing, "state", None), Mapping):
        yield thing
    elif depth and not isinstance(thing, nn.Module | Tensor | type):
        parts = thing.values() if isinstance(thing, Mapping) else thing
        if not isinstance(thing, Mapping | list | tuple):
            parts = list(getattr(thing, "__dict__", {}).values())
        for part in parts:
            yield from _optimizers_in(part, depth - 1)


def _check_optimizer(optimizer: Any) -> None:
    """What is kept of a parameter has its shape. What is not fused may have that of a row or a
    column of it, or be of all parameters, end to end: torch finds out whether that fits.
    """
    groups = optimizer.param_groups
    fused = any(group.get("fused") for group in groups)
    everything = sum(parameter.numel() for group in groups for parameter in group["params"])
    for parameter, kept in optimizer.state.items():
        for name, value in kept.items() if isinstance(kept, Mapping) else ():
            if not isinstance(value, Tensor) or value.shape == parameter.shape:
                continue
            if name == "step" and value.numel() == 1 and value.is_floating_point():
                continue
            if not fused and (value.numel() in (1, everything) or _spreads(value, parameter)):
                continue
            raise ValueError(
                f"{name} of shape {tuple(value.shape)} for a parameter of shape "
                f"{tuple(parameter.shape)}"
            )


def _spreads(value: Tensor, parameter: Tensor) -> bool:
    sides = zip(value.shape, parameter.shape, strict=False)
    return value.dim() == parameter.dim() and all(side in (1, own) for side, own in sides)


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
    known = isinstance(error, RuntimeError | ValueError | RockfallError) and text
    return text if known else f"{type(error).__name__}: {text}"
