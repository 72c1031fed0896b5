"""Where a tensor would be: a tag on its storage, which all of its views share."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

CPU: Final = torch.device("cpu")
CUDA: Final = torch.device("cuda", 0)
"""As a tensor on the pretend device calls it; torch's own say the index too."""


def place(tensor: Tensor) -> torch.device:
    """`CUDA` or `CPU`; the real device of a tensor that holds no numbers, such as one on `meta`."""
    with torch._C.DisableTorchFunction():
        if tensor.device.type != "cpu":
            return tensor.device
        try:
            return getattr(tensor.untyped_storage(), "place", CPU)
        except NotImplementedError:  # sparse ones have no storage
            return CPU


def put(tensor: Tensor, where: torch.device) -> Tensor:
    """The same tensor, with all that share its storage, `where`."""
    with torch._C.DisableTorchFunction():
        vars(tensor.untyped_storage())["place"] = where
    return tensor


def pin(tensor: Tensor) -> Tensor:
    """The same tensor, taken for one in memory that a copy need not wait for."""
    with torch._C.DisableTorchFunction():
        vars(tensor.untyped_storage())["pinned"] = True
    return tensor


def pinned(tensor: Tensor) -> bool:
    with torch._C.DisableTorchFunction():
        return bool(getattr(tensor.untyped_storage(), "pinned", False))


def parse(device: Any) -> torch.device:
    """What was asked for: `CUDA`, `CPU`, or another device that torch may have.

    Raises RuntimeError, as torch does, for a second GPU.
    """
    asked = CUDA if isinstance(device, int) and device == 0 else torch.device(device)
    if asked.type != "cuda":
        return asked
    if asked.index not in (None, 0):
        raise RuntimeError(f"CUDA error: invalid device ordinal ({asked})")
    return CUDA


class Move(torch.autograd.Function):
    """A copy on another device, whose gradient comes back to this one."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, where: torch.device) -> Tensor:
        ctx.origin = place(tensor)
        return put(tensor.clone(), where)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return move(gradients[0], ctx.origin), None


def move(tensor: Tensor, where: torch.device) -> Tensor:
    """The tensor itself if it is there, or else a copy."""
    if place(tensor) == where:
        return tensor
    moved: Tensor = Move.apply(tensor, where)  # type: ignore[no-untyped-call]
    return moved


class PlacedGenerator(torch.Generator):
    """A generator that says it is on the pretend device, and draws what the CPU's would."""

    def __new__(cls, device: Any = "cpu") -> PlacedGenerator:
        made = super().__new__(cls)
        made.place = parse(device)
        return made

    def __init__(self, device: Any = "cpu") -> None:
        super().__init__()

    place: torch.device

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return self.place
