"""Where and how exactly a run computes."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from rockfall.errors import RockfallError, UsageError, did_you_mean

__all__ = ["autocast", "choose_device", "choose_precision", "computing", "threads_that_pay"]

PRECISIONS = {"float32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


DEVICES = ("cpu", "cuda", "mps")

MULTIPLICATIONS_A_THREAD = 25_000_000
"""Of a step's forward pass, those for which it takes another thread.

By steps a second on an idle AMD EPYC with two cores, two threads against one: 1.6 × with lenet5 on
MNIST (53 million), 1.5 with lenet5-plus on digits (154), 1.7 with simplenet on digits, 1.6 to 2.1
with convnet, resnet and fastnet on CIFAR-10, 1.6 with the painter; 0.9 with convnet on digits, 1.0
with mlp, but 1.5 with lenet5 on digits (13), whose steps take 3 ms. Beside one other busy process
two threads wait for each other at every operation: 0.2 to 0.4 of one's speed, on CIFAR-10 0.6
to 0.8. OMP_WAIT_POLICY=PASSIVE slows them on idle cores to 0.4 to 0.9, and gains nothing beside
another process.
"""


WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
"""What makes cuBLAS deterministic, if it is set before the process first multiplies with it."""
NOT_DETERMINISTIC = re.compile(r"(\S+) does not have a deterministic implementation")


def choose_device(name: str = "auto", devices: Sequence[str] = DEVICES) -> torch.device:
    """`auto` is CUDA, then Apple's MPS, then the CPU. Raises UsageError for one not there.

    devices: the kinds of which it is one, as a `ModelSpec` declares where the model can compute.
    """
    if name == "auto":
        there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        found = [kind for kind, is_there in there.items() if is_there and kind in devices]
        return torch.device(found[0] if found else "cpu")
    try:
        device = torch.device(name)
        if device.type in devices:
            torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise UsageError(f"no device {name} here; `--device auto` takes what there is") from None
    if device.type not in devices:
        known = ", ".join(devices)
        raise UsageError(
            f"the model computes on {known}, not on {name}; `--device auto` takes what fits"
        )
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
    device: str, precision: str, suited: Any, devices: Sequence[str] = DEVICES
) -> dict[str, Any]:
    """`device`, `precision` and `matmul_precision`, as a run records and `computing` takes them.
    Raises UsageError for a device or a precision that there is not.

    suited: what is to be computed; its `precision`, if it has one, is the default, for all kinds
        of device or by their names. Of a class, a property is not known yet.
    devices: the kinds of device on which it can be.
    """
    found = choose_device(device, devices)
    wish = getattr(suited, "precision", None)
    if isinstance(wish, Mapping):
        wish = wish.get(found.type)
    return {
        "device": str(found),
        "precision": choose_precision(
            precision, found, wish if isinstance(wish, str) else "float32"
        ),
        "matmul_precision": "high" if found.type == "cuda" else "highest",
    }


def choose_threads(threads: int | None, model: Any) -> int:
    """`threads`, or else as many as the model says, one if it does not; never more than cores.

    The load of the machine has no say, since figures depend on the number.
    """
    return threads or min(getattr(model, "threads", 1), torch.get_num_threads())


def threads_that_pay(multiplications: int) -> int:
    """How many threads a model's `threads` may ask for, by the multiplications of a step's forward
    pass: one, unless there is so much for each that waiting for one another costs little.
    """
    return max(1, multiplications // MULTIPLICATIONS_A_THREAD)


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
def computing(threads: int, matmul_precision: str, deterministic: bool = False) -> Iterator[None]:
    """Inside, torch has so many threads and that precision; afterwards what it had before.

    On CUDA convolutions have the precision of matrix products: TF32, but for "highest". cuDNN does
    not try which of its algorithms is fastest: that costs seconds for each shape, and chooses
    another one another time.

    deterministic: use only algorithms that give the same bits every time. Raises RockfallError,
        naming it, for an operation that has none; figures on the CPU stay the same.
    """
    cudnn = torch.backends.cudnn
    with contextlib.ExitStack() as afterwards:
        afterwards.callback(torch.set_num_threads, torch.get_num_threads())
        precision = torch.get_float32_matmul_precision()
        afterwards.callback(torch.set_float32_matmul_precision, precision)
        for switch in ("allow_tf32", "benchmark"):
            afterwards.callback(setattr, cudnn, switch, getattr(cudnn, switch))
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(matmul_precision)
        cudnn.allow_tf32 = matmul_precision != "highest"
        cudnn.benchmark = False
        if deterministic:
            afterwards.enter_context(_deterministic())
        yield


@contextlib.contextmanager
def _deterministic() -> Iterator[None]:
    cudnn = torch.backends.cudnn
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    of_cudnn, workspace = cudnn.deterministic, os.environ.get(WORKSPACE)
    os.environ[WORKSPACE] = workspace or ":4096:8"
    torch.use_deterministic_algorithms(True)
    cudnn.deterministic = True
    try:
        yield
    except RuntimeError as error:
        if found := NOT_DETERMINISTIC.search(str(error)):
            reason = f"{found[1]} has no deterministic implementation on this device"
            raise RockfallError(f"{reason}: leave --deterministic out") from None
        if WORKSPACE in str(error):
            raise RockfallError(
                "this process has multiplied on CUDA before: begin a new one for --deterministic, "
                f"or set {WORKSPACE}=:4096:8 before it starts"
            ) from None
        raise
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        cudnn.deterministic = of_cudnn
        if workspace is None:
            del os.environ[WORKSPACE]
