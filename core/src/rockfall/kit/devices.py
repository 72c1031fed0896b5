"""Where and how exactly a run computes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from rockfall.errors import UsageError, did_you_mean

__all__ = ["autocast", "choose_device", "choose_precision", "computing"]

PRECISIONS = {"float32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str = "auto") -> torch.device:
    """`auto` is CUDA, then Apple's MPS, then the CPU. Raises UsageError for one not there."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise UsageError(f"no device {name} here; `--device auto` takes what there is") from None
    return device


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """The context in which a forward pass runs at `precision`."""
    dtype = PRECISIONS[precision]
    if dtype is None:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype)


def choose_precision(name: str, device: torch.device, wish: str = "float32") -> str:
    """`name`, if it is a precision. Raises UsageError.

    `auto` is what the model wishes for, if the device computes it faster than float32, and else
    float32.
    """
    if name == "auto":
        return wish if gains(device, wish) else "float32"
    if name not in PRECISIONS:
        raise UsageError(
            f"no precision {name}: {', '.join(PRECISIONS)}{did_you_mean(name, PRECISIONS)}"
        )
    return name


def choose_computing(
    device: str, precision: str, threads: int | None, suited: Any
) -> dict[str, Any]:
    """`device`, `precision`, `threads` and `matmul_precision`, as a run records and `computing`
    takes them. Raises UsageError for a device or a precision that there is not.

    suited: what is to be computed; its `precision` and `threads`, if it has them, are the default.
    """
    found = choose_device(device)
    return {
        "device": str(found),
        "precision": choose_precision(precision, found, getattr(suited, "precision", "float32")),
        "threads": threads or getattr(suited, "threads", None) or torch.get_num_threads(),
        "matmul_precision": "high" if found.type == "cuda" else "highest",
    }


def gains(device: torch.device, precision: str) -> bool:
    """Whether a precision is quicker than float32: whether the device multiplies in it.

    A CPU that does not, converts back and forth; a torch that can't tell is taken for one. fp16
    would need its losses scaled, so nothing chooses it unasked.
    """
    if precision != "bf16":
        return False
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        can: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(can.get("avx512_bf16") or can.get("amx_bf16"))
    return False


@contextlib.contextmanager
def computing(threads: int, matmul_precision: str) -> Iterator[None]:
    """Inside, torch has so many threads and that precision; afterwards what it had before."""
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(matmul_precision)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])
