"""A pretend CUDA graph: the operations of a step, done again on the tensors that they were done on.

Like a real one it runs no Python and does not wait for the GPU, so that a step which needs either
is found: a number that changes stays what it was, and a wait is refused. Unlike a real one it is
recorded while its first call executes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import _disable_current_modes

from rockfall.testing.pretend.rules import tensors_in

T = TypeVar("T")


class Recorded(NamedTuple):
    """One operation, and what it made anew."""

    operation: OpOverload
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    made: list[Tensor | None]
    """None where it gave a view of its arguments, or those themselves."""


class Tape:
    """Operations in the order in which they were called."""

    def __init__(self) -> None:
        self._recorded: list[Recorded] = []

    def record(
        self, operation: OpOverload, args: Sequence[Any], kwargs: dict[str, Any], results: Any
    ) -> None:
        """Keep an operation that was just done. Tensors are held without their gradients."""
        taken = {_memory(tensor) for tensor in tensors_in((*args, *kwargs.values()))}
        made = [
            None if _memory(tensor) in taken else tensor.detach() for tensor in _listed(results)
        ]
        held = tuple(_detached(value) for value in args)
        self._recorded.append(
            Recorded(operation, held, {k: _detached(v) for k, v in kwargs.items()}, made)
        )

    def replay(self) -> None:
        """Do all of it again, into the same memory."""
        with (
            _disable_current_modes(),
            torch._C.DisableTorchFunction(),
            torch._C._AutoDispatchBelowAutograd(),
        ):
            for operation, args, kwargs, made in self._recorded:
                results = _listed(operation(*args, **kwargs))
                for old, new in zip(made, results, strict=True):
                    if old is not None:
                        old.copy_(new)


def _listed(results: Any) -> list[Tensor]:
    return list(tensors_in(results if isinstance(results, list | tuple) else (results,)))


def _detached(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, list | tuple):
        return [_detached(each) for each in value]
    return value


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def recorder(
    record: Callable[[], Any], detached: Callable[[T], T]
) -> Callable[..., Callable[..., T]]:
    """What stands in for `rockfall.kit.graphs._record`.

    record: opens a context in which operations are recorded, and gives the tape.
    detached: takes the gradients from what a step gives.
    """

    def recording(step: Callable[..., T], inputs: Sequence[Tensor], *_: Any) -> Callable[..., T]:
        held = [each.clone() for each in inputs]
        calls = _calls(step, held, record, detached)

        def replay(*given: Tensor) -> T:
            for buffer, new in zip(held, given, strict=True):
                buffer.copy_(new, non_blocking=True)
            return next(calls)

        return replay

    return recording


def _calls(
    step: Callable[..., T],
    held: Sequence[Tensor],
    record: Callable[[], Any],
    detached: Callable[[T], T],
) -> Iterator[T]:
    with record() as tape:
        outputs = detached(step(*held))
    yield outputs
    while True:
        tape.replay()
        yield outputs
