"""How far a GPU's numbers may be from the CPU's, and random numbers that are the same on both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

TOLERANCE = 1e-3
"""‖a − b‖ / ‖b‖ in float32: rounding stays far below, another computation far above."""
LEVELS = 1.0
"""Of 255, the mean distance of two pictures: where a value falls between two, rounding decides."""
ROWS = 0.6
"""Share of the rows that agree, where random numbers are compared with probabilities: one that
rounding puts on the other side changes all that comes of it, in its own row.
"""
ACTIONS = 0.95
"""Share of the actions that agree: between two that are worth the same, rounding decides."""


class Draws(TorchDispatchMode):
    """Random numbers that a GPU would draw come from the CPU's generator, hence are those that the
    CPU draws; but for generators of their own, which an environment has. count: of operations
    that drew.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        seeded = torch.Tag.nondeterministic_seeded in func.tags
        if not seeded or kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        self.count += 1
        given = [each for each in (*args, *kwargs.values()) if isinstance(each, Tensor)]
        asked = kwargs.get("device") or (given[0].device if given else "cpu")
        there = torch.device(asked)
        if there.type == "cpu":
            return func(*args, **kwargs)
        if "device" in kwargs:
            kwargs["device"] = torch.device("cpu")
        here = tree_map(_on_the_cpu, (args, kwargs))
        drawn = func(*here[0], **here[1])
        if isinstance(kwargs.get("out"), Tensor):
            return kwargs["out"].copy_(drawn)
        if func._schema.is_mutable:
            return args[0].copy_(drawn)
        return tree_map(lambda each: each.to(there) if isinstance(each, Tensor) else each, drawn)


def _on_the_cpu(value: Any) -> Any:
    return value.cpu() if isinstance(value, Tensor) else value


def disagreement(cpu: Any, gpu: Any, rows: float = 1.0, path: str = "it") -> str:
    """What differs more than by rounding, of two nested results; empty if nothing does.

    rows: the share of a tensor's rows that must agree.
    """
    if isinstance(cpu, dict):
        if cpu.keys() != gpu.keys():
            return f"{path} has other keys"
        pairs = [(f"{path}/{key}", cpu[key], gpu[key]) for key in cpu]
    elif isinstance(cpu, list | tuple):
        if len(cpu) != len(gpu):
            return f"{path} has another length"
        pairs = [(f"{path}/{i}", *pair) for i, pair in enumerate(zip(cpu, gpu, strict=True))]
    elif isinstance(cpu, Tensor):
        return _apart(cpu, gpu.cpu(), rows, path)
    elif isinstance(cpu, float):
        return _apart(torch.tensor(cpu), torch.tensor(gpu), rows, path)
    else:
        return "" if cpu == gpu else f"{path} is {gpu}, and {cpu} on the CPU"
    found = (disagreement(a, b, rows, where) for where, a, b in pairs)
    return next(filter(None, found), "")


def _apart(cpu: Tensor, gpu: Tensor, rows: float, path: str) -> str:
    if cpu.shape != gpu.shape or cpu.dtype != gpu.dtype:
        return f"{path} is {gpu.dtype} {tuple(gpu.shape)}"
    if cpu.dim() == 0:
        cpu, gpu, rows = cpu[None], gpu[None], 1.0
    agree = [_close(a, b) for a, b in zip(cpu, gpu, strict=True)]
    share = sum(agree) / max(1, len(agree))
    if share >= rows:
        return ""
    distance = (cpu.double() - gpu.double()).abs().max().item()
    return f"{path}: {share:.0%} of {len(agree)} rows agree, {distance:.3g} apart at most"


def _close(cpu: Tensor, gpu: Tensor) -> bool:
    if cpu.dtype == torch.uint8:
        return bool((cpu.float() - gpu.float()).abs().mean() <= LEVELS)
    if not cpu.is_floating_point():
        return torch.equal(cpu, gpu)
    distance, size = (cpu.double() - gpu.double()).norm(), cpu.double().norm()
    return bool(distance <= TOLERANCE * max(size.item(), 1e-6))
