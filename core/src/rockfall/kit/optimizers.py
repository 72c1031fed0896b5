"""Torch's optimizers without the import of its compiler.

The first optimizer that a process makes imports `torch._dynamo` and sympy, so that `torch.compile`
may be told what to leave alone: 0.8 CPU seconds and 75 MB, as much as torch itself, and in a short
run the larger part of its time. Nothing here is compiled. These are torch's own classes, but for
the wrappers around five methods: the same arithmetic, states and hooks, bit for bit.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch.optim import Optimizer

__all__ = ["SGD", "Adam", "AdamW", "RMSprop", "uncompiled"]

O = TypeVar("O", bound=Optimizer)  # noqa: E741

WRAPPED = "add_param_group", "load_state_dict", "state_dict", "zero_grad"
"""The methods that torch keeps from its compiler, beside `step`."""


def uncompiled(kind: type[O]) -> type[O]:
    """A subclass of an optimizer whose methods are torch's without the compiler's wrappers.

    `uncompiled(torch.optim.Adagrad)(parameters, lr=…)`, or a decorator of an optimizer's class.
    It can't be part of what `torch.compile` compiles.
    """
    bare: dict[str, Any] = {name: inspect.unwrap(getattr(kind, name)) for name in WRAPPED}
    about = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    bare |= {"step": _step(kind), "__doc__": kind.__doc__, **about}
    return type(kind.__name__, (kind,), bare)


def _step(kind: type[Optimizer]) -> Callable[..., Any]:
    bare: Callable[..., Any] = inspect.unwrap(kind.step)

    @functools.wraps(bare)
    def step(self: Optimizer, closure: Callable[[], float] | None = None) -> Any:
        # What torch's wrapper does, beside telling the compiler.
        with torch.set_grad_enabled(self.defaults.get("differentiable", False)):
            return bare(self, closure)

    return step


Adam = uncompiled(torch.optim.Adam)
AdamW = uncompiled(torch.optim.AdamW)
RMSprop = uncompiled(torch.optim.RMSprop)
SGD = uncompiled(torch.optim.SGD)

for _each in (Adam, AdamW, RMSprop, SGD):
    _each.__module__ = __name__  # where pickle finds them
