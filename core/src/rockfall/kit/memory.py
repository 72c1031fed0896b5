"""How much memory there is, asked before it runs out: a process that takes more is just ended."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from rockfall.errors import RockfallError, UsageError

__all__ = ["available_memory", "check_room", "require_memory", "unallocated"]

MEMINFO = Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")
"""Where Linux tells what a container may take."""
MOST_BYTES = 8 * 2**30
"""Pictures that would take more are refused: while a dataset is made they are there twice."""


def require_memory(device: torch.device, size: int, what: str, advice: str) -> None:
    """Raise RockfallError if `size` bytes are more than are free on the device.

    what: that needs them. advice: what to do instead.
    """
    free = available_memory(device)
    if free is not None and size > free:
        raise RockfallError(
            f"{what} needs about {size / 2**30:.1f} GiB of memory, and {free / 2**30:.1f} are "
            f"free: {advice}"
        )


def check_room(name: str, count: int, shape: tuple[int, ...]) -> None:
    """Raise UsageError if so many pictures (C, H, W) are too much to keep in memory."""
    size = count * torch.Size(shape).numel()
    if size > MOST_BYTES:
        raise UsageError(
            f"{name}: {count:,} pictures of {shape[1]} × {shape[2]} take {size / 2**30:.0f} GiB, "
            f"more than {MOST_BYTES / 2**30:.0f}: take a smaller size"
        )


def available_memory(device: torch.device) -> int | None:
    """Bytes that are free on the device; None where nothing tells."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    found = [size for size in (_of_the_machine(), _of_the_group()) if size is not None]
    return min(found) if found else None


def _of_the_machine() -> int | None:
    try:
        for line in MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):  # not Linux, or not even POSIX
        return None


def _of_the_group() -> int | None:
    try:
        most, used = (int((GROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
    except (OSError, ValueError):  # no container, or one without a limit: "max"
        return None
    return max(0, most - used + _of_files())


def _of_files() -> int:
    """Bytes of files that a container keeps in memory: they count as used, but make way."""
    try:
        lines = [line.split() for line in (GROUP / "memory.stat").read_text().splitlines()]
    except OSError:
        return 0
    return sum(int(size) for name, size in lines if name in ("active_file", "inactive_file"))


@contextlib.contextmanager
def unallocated() -> Iterator[None]:
    """Inside, a module that is built has shapes and no values, and takes no memory: to be counted
    before it is built. As `torch.device("meta")`, but imports no compiler.
    """
    with torch.device("meta"), _WithoutNormal():
        yield


class _WithoutNormal(TorchFunctionMode):
    """Draws no normal numbers: on "meta", torch would draw them in Python, and import
    `torch._dynamo` first.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(function, "__name__", "") == "normal_":  # Tensor's, and that of nn.init
            return args[0] if args else kwargs["tensor"]
        return function(*args, **kwargs)
