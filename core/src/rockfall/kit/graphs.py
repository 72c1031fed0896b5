"""CUDA graphs: the kernels of a whole step, recorded once and from then on launched as one.

A step of a small network takes longer to launch, some microseconds a kernel, than to compute. It is
recorded after a few eager calls, replayed from then on, and every call executes once. Methods ask
for it by `run.capture`; https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs explains.

A replay launches the very kernels of the eager call, in their order and with the same random
numbers: bit for bit the same figures as of a captured step that is never recorded
(`MOST_RECORDINGS` 0), as far as its kernels are deterministic. A step whose optimizers are not
captured is another one: Adam corrects its biases in float64 there, and here, as the learning rate,
in float32 on the device.
"""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.optim import Optimizer

from rockfall.kit import nest
from rockfall.kit.randomness import random_state, set_random_state

__all__ = ["CapturedStep"]

T = TypeVar("T")

WARM_UP = 3
"""Eager calls before a step is recorded, in which optimizers and libraries make what they keep."""
MOST_RECORDINGS = 4
"""Sets of shapes for which a step is recorded, each in memory of its own; others run eagerly."""


class CapturedStep:
    """A step that on CUDA is recorded as a graph and replayed; elsewhere it is just called.

    The step takes tensors by position, does not synchronise, changes tensors in place alone, sets
    its gradients to None before it computes them, and opens autocast itself. It returns tensors, of
    which the next call may overwrite what they hold: one, or a tuple, NamedTuple or dict of them,
    without gradients. Python runs only while it is recorded: whatever is no tensor stays as it was
    then, and what never changes, as the data, is best left to the closure, since inputs are copied.

    Falls back to eager calls, quietly, where it can't be recorded.
    """

    def __init__(
        self,
        step: Callable[..., Any],
        optimizers: Sequence[Optimizer],
        device: torch.device,
        generators: Sequence[torch.Generator] = (),
    ) -> None:
        """optimizers: those that the step steps. Before the first call, hence after a resumed run
        was restored, their learning rates become tensors on the device and they are `capturable`;
        off CUDA they become numbers again, and they are not. SGD must be `fused`.

        generators: those on the device that the step draws from, beside the default one.
        """
        self.eager = device.type != "cuda"
        self._step, self._optimizers, self._device = step, optimizers, device
        self._generators = generators
        self._calls: Counter[Any] = Counter()
        self._recordings: dict[Any, Callable[..., Any]] = {}
        self._rates: list[tuple[dict[str, Any], Tensor]] | None = None
        for optimizer in optimizers:
            optimizer.register_load_state_dict_post_hook(self._forget)

    @property
    def recordings(self) -> int:
        """For how many sets of shapes it is replayed."""
        return len(self._recordings)

    def __call__(self, *inputs: Tensor) -> Any:
        """One step, executed once."""
        if self._rates is None:
            self._rates = self._prepare()
        for group, rate in self._rates:
            if group["lr"] is not rate:  # a number was assigned, which a replay would not see
                group["lr"] = rate.fill_(group["lr"])
        if self.eager:
            return _detached(self._step(*inputs))
        signature = self._signature(inputs)
        if signature in self._recordings:
            return self._recordings[signature](*inputs)
        if signature not in self._calls and len(self._calls) >= MOST_RECORDINGS:
            return _detached(self._step(*inputs))
        self._calls[signature] += 1
        if self._calls[signature] <= WARM_UP:
            return _warm_up(self._step, inputs, self._device)
        replay = self._record(inputs)
        if replay is None:
            self.eager = True
            return _detached(self._step(*inputs))
        self._recordings[signature] = replay
        return replay(*inputs)

    def _prepare(self) -> list[tuple[dict[str, Any], Tensor]]:
        self._calls.clear()
        self._recordings.clear()
        for optimizer in self._optimizers:
            if self._device.type == "cuda":
                _make_capturable(optimizer)
            else:
                _make_plain(optimizer)
        groups = [group for each in self._optimizers for group in each.param_groups]
        return [(group, group["lr"]) for group in groups if isinstance(group["lr"], Tensor)]

    def _forget(self, optimizer: Optimizer) -> None:
        """A state was loaded into other tensors than those that were recorded."""
        self._rates = None

    def _signature(self, inputs: Sequence[Tensor]) -> Any:
        modes = torch.is_grad_enabled(), torch.is_autocast_enabled(self._device.type)
        return modes, *((each.shape, each.dtype) for each in inputs)

    def _record(self, inputs: Sequence[Tensor]) -> Callable[..., Any] | None:
        """A replay of the step; None if it can't be had, and then all is as it was before."""
        before = random_state()
        groups = [group for each in self._optimizers for group in each.param_groups]
        gradients = [(weights, weights.grad) for group in groups for weights in group["params"]]
        # Autocast around it may have cast weights already, which a replay would not cast anew.
        if not torch.is_autocast_enabled(self._device.type):
            with contextlib.suppress(RuntimeError):
                replay = _record(self._step, inputs, self._device, self._generators)
                if _is_state(before):  # else it drew on the CPU, which a replay would not
                    return replay
        set_random_state(before)
        for weights, gradient in gradients:
            weights.grad = gradient
        return None


def _warm_up(step: Callable[..., T], inputs: Sequence[Tensor], device: torch.device) -> T:
    """`step(*inputs)`, as it will be recorded: beside the current stream, which waits for it."""
    stream = _stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        outputs = _detached(step(*inputs))
    torch.cuda.current_stream(device).wait_stream(stream)
    return outputs


def _record(
    step: Callable[..., T],
    inputs: Sequence[Tensor],
    device: torch.device,
    generators: Sequence[torch.Generator] = (),
) -> Callable[..., T]:
    """Record a step, which does not execute it, and return what replays it.

    Raises RuntimeError if the step can't be recorded.
    """
    held = [each.clone() for each in inputs]

    def body() -> T:
        return _detached(step(*held))

    try:
        graph, outputs = _capture(body, device, generators)
    except RuntimeError:
        # Until another recording succeeds, the generators take themselves for being recorded.
        with contextlib.suppress(RuntimeError):
            _capture(lambda: torch.zeros((), device=device), device, generators)
        raise

    def replay(*given: Tensor) -> T:
        for buffer, new in zip(held, given, strict=True):
            buffer.copy_(new, non_blocking=True)
        graph.replay()
        return outputs

    return replay


def _capture(
    body: Callable[[], T], device: torch.device, generators: Sequence[torch.Generator]
) -> tuple[torch.cuda.CUDAGraph, T]:
    graph, stream = torch.cuda.CUDAGraph(), _stream(device)
    for generator in generators:
        graph.register_generator_state(generator)
    _GRAPHS.append(graph)
    # The outer one leaves the stream where the end of a recording that failed does not. What other
    # threads do, as pinning memory, is no part of it.
    with (
        torch.cuda.stream(stream),
        torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"),
    ):
        outputs = body()
    _GRAPHS.remove(graph)
    return graph, outputs


_GRAPHS: list[torch.cuda.CUDAGraph] = []
"""Those that failed: the allocator may still ask them which memory is theirs."""


@functools.cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """One for warming up and for recording: a graph that waits for another stream is refused."""
    return torch.cuda.Stream(device)


def _make_capturable(optimizer: Optimizer) -> None:
    """Whatever changes from step to step becomes a tensor where the weights are."""
    for group in optimizer.param_groups:
        device = group["params"][0].device
        rate = torch.zeros((), device=device)
        group["lr"] = rate.copy_(lr) if isinstance(lr := group["lr"], Tensor) else rate.fill_(lr)
        if "capturable" in group:  # SGD has no such thing
            group["capturable"] = True
    for weights, state in optimizer.state.items():
        if isinstance(state.get("step"), Tensor):
            state["step"] = state["step"].to(weights.device, torch.float32)


def _make_plain(optimizer: Optimizer) -> None:
    """Inverse of `_make_capturable`, for the state of a run that goes on without CUDA."""
    for group in optimizer.param_groups:
        group["lr"] = float(group["lr"])
        if "capturable" in group:
            group["capturable"] = False
        for weights in group["params"]:
            state = optimizer.state.get(weights, {})
            if isinstance(state.get("step"), Tensor) and not group.get("fused"):
                state["step"] = state["step"].cpu()


def _detached(outputs: T) -> T:
    """The same without gradients, which would keep what the step computed, and its stream."""
    found: Any = outputs
    if isinstance(outputs, Tensor):
        found = outputs.detach()
    elif isinstance(outputs, dict):
        found = {name: _detached(each) for name, each in outputs.items()}
    elif isinstance(outputs, tuple):
        found = tuple(map(_detached, outputs))
        if hasattr(outputs, "_make"):
            found = outputs._make(found)
    return found  # type: ignore[no-any-return]


def _is_state(before: dict[str, Any]) -> bool:
    """Whether the random generators are still as they were."""
    then: dict[str, Tensor] = {}
    now: dict[str, Tensor] = {}
    same = nest.flatten(before, then) == nest.flatten(random_state(), now)
    return same and all(torch.equal(then[name], now[name]) for name in then)
