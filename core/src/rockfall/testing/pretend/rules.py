"""What CUDA lets an operation mix, what waits for the GPU, and what isn't deterministic there.

The rules are those of torch's documentation ("CUDA semantics": tensors of different devices don't
mix, but for copies and for 0-dimensional ones on the CPU; `torch.use_deterministic_algorithms`) and
of its kernels, which take indices from the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from rockfall.testing.pretend.placement import CPU, CUDA, pinned, place

COPIES = {"copy_", "_foreach_copy_", "copy", "set_"}
"""Between any two devices."""

INDEXING = {
    "index",
    "index_put",
    "index_put_",
    "_index_put_impl_",
    "_unsafe_index",
    "_unsafe_index_put",
}
"""Take indices on the CPU, or where the indexed tensor is."""

TAKE_SCALARS = {
    "masked_fill",
    "masked_fill_",
    "fill_",
    "fill",
    "index_fill",
    "index_fill_",
    "_fused_adam_",
    "_fused_adamw_",
    "_fused_sgd_",
    "_fused_adagrad_",
    "_foreach_mul",
    "_foreach_mul_",
    "_foreach_div",
    "_foreach_div_",
    "_foreach_add",
    "_foreach_add_",
}
"""Not elementwise by torch's own tag, but take 0-dimensional tensors on the CPU all the same."""

WAITS = {
    "_linalg_check_errors",
    "_local_scalar_dense",
    "_unique2",
    "bincount",
    "equal",
    "is_nonzero",
    "item",
    "masked_select",
    "nonzero",
    "unique_consecutive",
    "unique_dim",
}
"""Need a number, or the size of their result, on the CPU."""

NOT_DETERMINISTIC = {
    "_adaptive_avg_pool2d_backward",
    "_adaptive_avg_pool3d_backward",
    "_ctc_loss_backward",
    "adaptive_max_pool2d_backward",
    "avg_pool3d_backward",
    "fractional_max_pool2d_backward",
    "fractional_max_pool3d_backward",
    "grid_sampler_2d_backward",
    "grid_sampler_3d_backward",
    "histc",
    "kthvalue",
    "max_unpool2d",
    "max_unpool3d",
    "nll_loss2d_forward",
    "put_",
    "reflection_pad1d_backward",
    "reflection_pad2d_backward",
    "reflection_pad3d_backward",
    "upsample_bicubic2d_backward",
    "upsample_bilinear2d_backward",
    "upsample_linear1d_backward",
    "upsample_trilinear3d_backward",
    "_upsample_bicubic2d_aa_backward",
    "_upsample_bilinear2d_aa_backward",
}
"""Raise on CUDA while only deterministic algorithms are allowed; some more by their arguments."""


def name_of(operation: OpOverload) -> str:
    return operation._schema.name.partition("::")[2]


def tensors_in(values: Sequence[Any]) -> Iterator[Tensor]:
    """The tensors among an operation's arguments or results, which nest once at the most."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from (part for part in value if isinstance(part, Tensor))


def common_place(operation: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Where an operation computes; None if it takes no tensor. Raises RuntimeError for a mix-up."""
    name = name_of(operation)
    if name in COPIES:
        first = args[0]
        return place(first if isinstance(first, Tensor) else first[0])
    if name in INDEXING:
        return _place_of_indexed(name, args)
    given = list(tensors_in((*args, *kwargs.values())))
    places = [place(tensor) for tensor in given]
    if CUDA not in places:
        return places[0] if places else None
    scalars = _takes_scalars(operation)
    for tensor, found in zip(given, places, strict=True):
        if found == CPU and not (scalars and tensor.dim() == 0):
            raise _mixed(name, given, places)
    for written in tensors_in([args[i] for i in _written(operation) if i < len(args)]):
        if place(written) == CPU:
            raise _mixed(name, given, places)
    return CUDA


def _place_of_indexed(name: str, args: Sequence[Any]) -> torch.device:
    where = place(args[0])
    indices = [index for index in args[1] if index is not None]
    if where == CPU and any(place(index) == CUDA for index in indices):
        raise RuntimeError(
            f"aten.{name}: indices should be either on cpu or on the same device as the indexed "
            "tensor (cpu)"
        )
    if len(args) > 2 and isinstance(args[2], Tensor):
        values = args[2]
        if place(values) != where and not (where == CUDA and values.dim() == 0):
            raise _mixed(name, [args[0], values], [where, place(values)])
    return where


def waits(operation: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Whether the CPU waits for the GPU in an operation, some of whose arguments are on it."""
    name = name_of(operation)
    if name in ("copy_", "_foreach_copy_"):
        return _copy_waits(args, kwargs)
    if name in INDEXING:
        indices = [index for index in args[1] if index is not None]
        if any(place(index) == CPU for index in indices):
            return True
        filled = len(args) > 2 and args[2].numel() == 1 and len(indices) == 1  # masked_fill
        return any(index.dtype in (torch.bool, torch.uint8) for index in indices) and not filled
    if name == "repeat_interleave":
        return operation._overloadname == "Tensor" and kwargs.get("output_size") is None
    return name in WAITS


def _copy_waits(args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """It does not wait if asked not to and, on the way to the CPU, if the memory is pinned."""
    targets, sources = (a if isinstance(a, list | tuple) else [a] for a in args[:2])
    non_blocking = kwargs.get("non_blocking", args[2] if len(args) > 2 else False)
    for target, source in zip(targets, sources, strict=True):
        where = place(target)
        if where != place(source) and (not non_blocking or (where == CPU and not pinned(target))):
            return True
    return False


def deterministic(operation: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Whether CUDA has a deterministic implementation of an operation."""
    name = name_of(operation)
    if name in ("cumsum", "cumsum_"):
        dtype = kwargs.get("dtype") or args[0].dtype
        return not (dtype.is_floating_point or dtype.is_complex)
    if name == "bincount":
        return kwargs.get("weights", args[1] if len(args) > 1 else None) is None
    if name in ("median", "nanmedian"):
        return operation._overloadname != "dim"
    if name in ("scatter_reduce", "scatter_reduce_"):
        return "prod" not in (*args, kwargs.get("reduce"))
    return name not in NOT_DETERMINISTIC


@cache
def _takes_scalars(operation: OpOverload) -> bool:
    return torch.Tag.pointwise in operation.tags or name_of(operation) in TAKE_SCALARS


@cache
def _written(operation: OpOverload) -> tuple[int, ...]:
    """Which arguments an operation writes to."""
    arguments = operation._schema.arguments
    return tuple(
        i for i, a in enumerate(arguments) if a.alias_info is not None and a.alias_info.is_write
    )


def _mixed(name: str, tensors: Sequence[Tensor], places: Sequence[torch.device]) -> RuntimeError:
    with torch._C.DisableTorchFunction():
        found = ", ".join(
            f"{tuple(tensor.shape)} on {where}"
            for tensor, where in zip(tensors, places, strict=True)
        )
    return RuntimeError(
        f"aten.{name}: expected all tensors to be on the same device, but found {found}"
    )
