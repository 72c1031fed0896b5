"""How torch is made to believe in the pretend device: by its own two kinds of modes.

A function mode sees what a program calls, with the device that it asks for; a dispatch mode sees
the operations that come of it, in the backward pass too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from rockfall.testing.pretend import rules
from rockfall.testing.pretend.graph import Tape
from rockfall.testing.pretend.placement import (
    CPU,
    CUDA,
    move,
    parse,
    pin,
    pinned,
    place,
    put,
)


class Waiting:
    """Counts how often the CPU waits for the GPU, and refuses it where it must not."""

    def __init__(self) -> None:
        self.count = 0
        self.refused_in = ""
        """What is under way in which nothing may wait; empty outside of it."""

    def note(self, what: str) -> None:
        self.count += 1
        if self.refused_in:
            raise RuntimeError(f"{what} waits for the GPU, which {self.refused_in} must not")

    @contextlib.contextmanager
    def refused(self, what: str) -> Iterator[None]:
        """Inside, it raises RuntimeError that `what` must not wait."""
        before, self.refused_in = self.refused_in, what
        try:
            yield
        finally:
            self.refused_in = before


class Operations(TorchDispatchMode):
    """Checks every operation by CUDA's rules, and tags what it makes."""

    def __init__(self, waiting: Waiting) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.waiting = waiting
        self.ambient = CPU
        """Where an operation without tensors makes one: where those of the call are."""
        self.tape: Tape | None = None

    @contextlib.contextmanager
    def recording(self) -> Iterator[Tape]:
        """Inside, nothing may wait, and the tape keeps every operation."""
        self.tape = tape = Tape()
        try:
            with self.waiting.refused("a captured step"):
                yield tape
        finally:
            self.tape = None

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        with torch._C.DisableTorchFunction():
            where = rules.common_place(func, args, kwargs)
            on_cuda = where == CUDA or (where == CPU and self._copies_from_cuda(func, args))
            if on_cuda and rules.waits(func, args, kwargs):
                self.waiting.note(f"aten.{rules.name_of(func)}")
            if where == CUDA and torch.are_deterministic_algorithms_enabled():
                self._check_deterministic(func, args, kwargs)
            made = func(*args, **kwargs)
            if (self.ambient if where is None else where) == CUDA:
                results = made if isinstance(made, list | tuple) else (made,)
                for tensor in rules.tensors_in(results):
                    if tensor.device.type == "cpu" and rules.name_of(func) not in rules.COPIES:
                        put(tensor, CUDA)
            if self.tape is not None:
                self.tape.record(func, args, kwargs, made)
        return made

    def _copies_from_cuda(self, func: OpOverload, args: Sequence[Any]) -> bool:
        return rules.name_of(func) in rules.COPIES and any(
            place(tensor) == CUDA for tensor in rules.tensors_in(args[1:2])
        )

    def _check_deterministic(
        self, func: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> None:
        if rules.deterministic(func, args, kwargs):
            return
        if not torch.is_deterministic_algorithms_warn_only_enabled():
            raise RuntimeError(
                f"{rules.name_of(func)} does not have a deterministic implementation, but you set "
                "'torch.use_deterministic_algorithms(True)'"
            )


class Calls(TorchFunctionMode):
    """Answers where tensors are, and has them made and moved where a program asks."""

    def __init__(self, operations: Operations) -> None:
        super().__init__()
        self.operations = operations

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if (answer := ANSWERS.get(func)) is not None:
            return answer(self, *args, **kwargs)
        if isinstance(getattr(func, "__self__", None), GETSETS):
            return func(*args, **kwargs)
        given = list(rules.tensors_in((*args, *kwargs.values())))
        found = CUDA if any(place(tensor) == CUDA for tensor in given) else CPU
        if func in POSITIONAL_DEVICE and len(args) > 2:
            args, kwargs["device"] = args[:2], args[2]
        asked = found if kwargs.get("device") is None else parse(kwargs["device"])
        _check_generator((*args, *kwargs.values()), asked)
        if kwargs.get("device") is None and not kwargs.get("pin_memory"):
            return self._called(func, args, kwargs, found)
        if asked not in (CPU, CUDA):
            return func(*args, **kwargs)
        kwargs["device"] = CPU
        return self._made(func, args, kwargs, asked, given)

    def _called(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], where: Any
    ) -> Any:
        before, self.operations.ambient = self.operations.ambient, where
        try:
            return func(*args, **kwargs)
        finally:
            self.operations.ambient = before

    def _made(
        self,
        func: Callable[..., Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
        where: torch.device,
        given: Sequence[Tensor],
    ) -> Any:
        """What a call makes that names a device, or pinned memory."""
        pins = kwargs.pop("pin_memory", False)
        made = self._called(func, args, kwargs, where)
        if not isinstance(made, Tensor) or made.device.type != "cpu":
            return made
        if given and _shares(made, given) and place(made) != where:
            self.operations.waiting.note(func.__name__)
            made = move(made, where)
        elif func in FROM_THE_CPU and where == CUDA:
            self.operations.waiting.note(func.__name__)
        put(made, where)
        return pin(made) if pins else made

    def to(self, tensor: Tensor, *args: Any, copy: bool = False, **kwargs: Any) -> Tensor:
        if args and isinstance(args[0], Tensor):
            other, *rest = args
            where, dtype, layout = place(other), other.dtype, None
            non_blocking = kwargs.get("non_blocking", rest[0] if rest else False)
        else:
            if args and isinstance(args[0], int) and not isinstance(args[0], bool):
                args = (parse(args[0]), *args[1:])
            if len(args) == 4 or (len(args) == 3 and isinstance(args[0], torch.dtype)):
                args, copy = args[:-1], args[-1]
            asked, dtype, non_blocking, layout = torch._C._nn._parse_to(*args, **kwargs)
            where = place(tensor) if asked is None else parse(asked)
        settings: dict[str, Any] = {} if layout is None else {"memory_format": layout}
        if where not in (CPU, CUDA) or place(tensor) not in (CPU, CUDA):
            return tensor.to(where, dtype or tensor.dtype, copy=copy, **settings)
        if place(tensor) == where:
            return tensor.to(dtype or tensor.dtype, copy=copy, **settings)
        if not non_blocking:
            self.operations.waiting.note("to")
        moved = move(tensor, where).to(dtype or tensor.dtype, **settings)
        return pin(moved) if non_blocking and where == CPU else moved

    def cuda(
        self, tensor: Tensor, device: Any = CUDA, non_blocking: bool = False, **kwargs: Any
    ) -> Tensor:
        return self.to(tensor, CUDA if device is None else device, None, non_blocking, **kwargs)

    def array(self, tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
        if place(tensor) == CUDA:
            raise TypeError(
                "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the "
                "tensor to host memory first."
            )
        return tensor.numpy(*args, **kwargs)

    def as_array(self, tensor: Tensor, dtype: Any = None) -> Any:
        made = self.array(tensor)
        return made if dtype is None else made.astype(dtype, copy=False)

    def tolist(self, tensor: Tensor) -> Any:
        if place(tensor) == CUDA:
            self.operations.waiting.note("tolist")
        return tensor.tolist()

    def new_tensor(self, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        where = parse(kwargs.pop("device", None) or place(tensor))
        if where == CUDA:
            self.operations.waiting.note("new_tensor")
        return put(tensor.new_tensor(*args, **kwargs).clone(), where)

    def pin_memory(self, tensor: Tensor) -> Tensor:
        if place(tensor) == CUDA:
            raise RuntimeError("cannot pin a CUDA tensor: only dense CPU tensors can be pinned")
        return tensor if pinned(tensor) else pin(tensor.clone())

    def set_grad(self, tensor: Tensor, gradient: Tensor | None) -> None:
        if gradient is not None and place(gradient) != place(tensor):
            raise RuntimeError(
                f"assigned grad has data located on a different device: {place(gradient)}, not "
                f"{place(tensor)}"
            )
        tensor.grad = gradient


def _check_generator(values: Sequence[Any], where: torch.device) -> None:
    for value in values:
        if isinstance(value, torch.Generator) and value.device.type != where.type:
            raise RuntimeError(
                f"expected a {where.type!r} device type for generator but found "
                f"{value.device.type!r}"
            )


def _shares(tensor: Tensor, given: Sequence[Tensor]) -> bool:
    """Whether a tensor lies in the memory of one of those."""
    with torch._C.DisableTorchFunction():
        memory = tensor.untyped_storage().data_ptr()
        return any(other.untyped_storage().data_ptr() == memory for other in given)


GETSETS = (type(torch.Tensor.device), type(torch.Tensor.data))
POSITIONAL_DEVICE = {torch.as_tensor}
FROM_THE_CPU = {torch.tensor, torch.as_tensor, torch.asarray}
"""Copy numbers of Python or NumPy to the device, and wait for that."""

_ATTRIBUTES: Any = torch.Tensor
"""As the type checker is not to see it: its attributes are descriptors, which have methods."""

ANSWERS: dict[Any, Callable[..., Any]] = {
    _ATTRIBUTES.device.__get__: lambda _, tensor: place(tensor),
    _ATTRIBUTES.is_cuda.__get__: lambda _, tensor: place(tensor) == CUDA,
    _ATTRIBUTES.is_cpu.__get__: lambda _, tensor: place(tensor) == CPU,
    _ATTRIBUTES.grad.__set__: Calls.set_grad,
    torch.Tensor.get_device: lambda _, tensor: 0 if place(tensor) == CUDA else -1,
    torch.Tensor.to: Calls.to,
    torch._C._nn._parse_to: lambda _, *args, **kwargs: torch._C._nn._parse_to(*args, **kwargs),
    torch.Tensor.cpu: lambda calls, tensor, **kwargs: calls.to(tensor, CPU, **kwargs),
    torch.Tensor.cuda: Calls.cuda,
    torch.Tensor.type_as: lambda calls, tensor, other: calls.to(tensor, other),
    torch.Tensor.numpy: Calls.array,
    torch.Tensor.__array__: Calls.as_array,
    torch.Tensor.tolist: Calls.tolist,
    torch.Tensor.new_tensor: Calls.new_tensor,
    torch.Tensor.pin_memory: Calls.pin_memory,
    torch.Tensor.is_pinned: lambda _, tensor, *args: pinned(tensor),
    torch.Tensor.record_stream: lambda *_: None,
}
"""What answers a call instead of torch."""
