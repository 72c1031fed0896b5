"""`pretend_device`: CUDA on a machine that has none, as far as a program can tell."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any
from unittest import mock

import torch
from torch.autograd import graph as autograd_graph
from torch.utils import _foreach_utils

from rockfall.kit import graphs
from rockfall.kit.devices import gains
from rockfall.kit.memory import available_memory
from rockfall.testing.pretend import rules
from rockfall.testing.pretend.graph import recorder
from rockfall.testing.pretend.modes import Calls, Operations, Waiting
from rockfall.testing.pretend.placement import CPU, CUDA, PlacedGenerator, place


class PretendDevice:
    """The device inside `pretend_device`.

    synchronisations: how often the CPU has waited for the GPU so far.
    """

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting

    @property
    def synchronisations(self) -> int:
        return self._waiting.count

    @contextlib.contextmanager
    def refuse_synchronisations(self, what: str = "this") -> Iterator[None]:
        """Inside, whatever would wait for the GPU raises RuntimeError, as in a CUDA graph.

        what: that must not wait, for the message.
        """
        with self._waiting.refused(what):
            yield


@contextlib.contextmanager
def pretend_device() -> Iterator[PretendDevice]:
    """Inside, `"cuda"` is a device like any, and whatever CUDA would refuse raises RuntimeError.

    All numbers stay in memory, and come from the CPU's kernels and generator: only where tensors
    would be is kept, as a tag on their storage. So a program that never asks for a device's kind
    computes the same to the bit, and one that mixes devices up fails as it would on a GPU: an
    operation on tensors of two devices, `.numpy()` of one on the GPU, a generator of the other
    device, an operation without a deterministic implementation while only such are allowed. What
    would wait for the GPU is counted. What `run.capture` records is recorded here too, and replayed
    without its Python.

    Nothing is as fast as on a GPU, and no kernel of CUDA runs. Streams and events do nothing.
    """
    waiting = Waiting()
    operations = Operations(waiting)
    calls = Calls(operations)
    with contextlib.ExitStack() as stack:
        for owner, name, stand_in in _stand_ins(operations, calls):
            stack.enter_context(mock.patch.object(owner, name, stand_in))
        stack.enter_context(operations)
        stack.enter_context(calls)
        yield PretendDevice(waiting)


def _stand_ins(operations: Operations, calls: Calls) -> Iterator[tuple[Any, str, Any]]:
    """What of torch answers for the device without a call that a mode could see."""
    for name, answer in CUDA_ANSWERS.items():
        yield torch.cuda, name, answer
    yield graphs, "_record", recorder(operations.recording, graphs._detached)
    yield graphs, "_stream", Stream
    yield torch, "Generator", PlacedGenerator
    yield torch.backends.cudnn, "is_acceptable", lambda _: False
    for owner in (torch, torch.amp, torch.amp.autocast_mode):
        yield owner, "autocast", CpuAutocast
    yield torch.autograd, "_engine_run_backward", _seen_backward(operations, calls)
    yield autograd_graph, "_engine_run_backward", _seen_backward(operations, calls)
    for name in ("nn.utils.clip_grad", "optim.optimizer", "utils._foreach_utils"):
        owner = import_module(f"torch.{name}")
        yield owner, "_group_tensors_by_device_and_dtype", _grouped_by_place


def _seen_backward(operations: Operations, calls: Calls) -> Callable[..., Any]:
    """The backward pass, with what Python does in it seen too.

    A mode does not see what comes of the calls that it handles, and `backward` is one.
    """
    run = autograd_graph._engine_run_backward

    def run_backward(outputs: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
        on_cuda = any(place(tensor) == CUDA for tensor in rules.tensors_in(outputs))
        before, operations.ambient = operations.ambient, CUDA if on_cuda else CPU
        hidden = torch._C._len_torch_function_stack() == 0
        try:
            with calls if hidden else contextlib.nullcontext():
                return run(outputs, *args, **kwargs)
        finally:
            operations.ambient = before

    return run_backward


_group = _foreach_utils._group_tensors_by_device_and_dtype


def _grouped_by_place(tensors: Any, with_indices: bool = False) -> Any:
    """What optimizers go by: the group's device is asked of torch itself, which knows the CPU."""
    groups = _group(tensors, with_indices)
    return {(_place_of(group), dtype): group for (_, dtype), group in groups.items()}


def _place_of(group: Any) -> torch.device:
    tensors, _ = group
    return place(tensors[0][0])


class CpuAutocast(torch.autocast):
    """Autocast for the device where the numbers are in truth."""

    def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
        super().__init__("cpu" if device_type == "cuda" else device_type, *args, **kwargs)


class Stream:
    """A stream or an event, for which there is nothing to wait."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def record(self, *args: Any) -> None: ...
    def record_event(self, event: Any = None) -> Any:
        return event or Stream()

    def synchronize(self) -> None: ...
    def wait(self, *args: Any) -> None: ...
    def wait_event(self, event: Any) -> None: ...
    def wait_stream(self, stream: Any) -> None: ...
    def query(self) -> bool:
        return True

    def elapsed_time(self, end: Any) -> float:
        return 0.0


def _memory(*_: Any) -> tuple[int, int]:
    free = available_memory(CPU) or 0
    return free, free


CUDA_ANSWERS: dict[str, Any] = {
    "is_available": lambda: True,
    "is_initialized": lambda: True,
    "init": lambda: None,
    "device_count": lambda: 1,
    "current_device": lambda: 0,
    "get_device_name": lambda *_: "pretend device",
    "get_device_capability": lambda *_: (9, 0),
    "is_bf16_supported": lambda *_, **__: gains(CPU, "bf16"),
    "mem_get_info": _memory,
    "memory_allocated": lambda *_: 0,
    "max_memory_allocated": lambda *_: 0,
    "reset_peak_memory_stats": lambda *_: None,
    "empty_cache": lambda: None,
    "synchronize": lambda *_: None,
    "is_current_stream_capturing": lambda: False,
    "manual_seed": lambda _: None,
    "manual_seed_all": lambda _: None,
    "get_rng_state_all": lambda: [torch.get_rng_state()],
    "set_rng_state_all": lambda states: torch.set_rng_state(states[0]),
    "get_rng_state": lambda *_: torch.get_rng_state(),
    "set_rng_state": lambda state, *_: torch.set_rng_state(state),
    "Stream": Stream,
    "Event": Stream,
    "current_stream": lambda *_: Stream(),
    "stream": lambda _: contextlib.nullcontext(),
}
"""The same numbers are drawn on both devices, from the CPU's generator."""
