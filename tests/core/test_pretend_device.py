"""The pretend device refuses what CUDA refuses, allows what it allows, and changes no number.

What is expected of it is from torch's documentation of CUDA semantics and from its kernels' errors.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall.kit import graphs
from rockfall.kit.augmentation import shift
from rockfall.kit.randomness import random_state
from rockfall.kit.schedules import set_lr
from rockfall.testing import pretend_device
from tests.core.conforming import Check, Good

CUDA = "cuda"


def on_cuda(*shape: int) -> Tensor:
    return torch.ones(shape, device=CUDA)


def host(*shape: int) -> Tensor:
    return torch.ones(shape)


REFUSED: dict[str, Callable[[], Any]] = {
    "an operation on both": lambda: on_cuda(3) + host(3),
    "a comparison with NumPy's": lambda: on_cuda(3) > torch.from_numpy(np.zeros(3)),
    "a vector beside a number of the GPU": lambda: host(3) * on_cuda(),
    "in place into the CPU's": lambda: host().add_(on_cuda()),
    "an output on the CPU": lambda: torch.add(on_cuda(3), 1, out=host(3)),
    "joined": lambda: torch.cat([on_cuda(3), host(3)]),
    "stacked with a number": lambda: torch.stack([on_cuda(), host()]),
    "a matrix product": lambda: on_cuda(2, 2) @ host(2, 2),
    "a layer left behind": lambda: nn.Linear(2, 2)(on_cuda(1, 2)),
    "an input left behind": lambda: nn.Linear(2, 2).to(CUDA)(host(1, 2)),
    "an embedding's index": lambda: nn.Embedding(3, 2).to(CUDA)(torch.tensor([1])),
    "labels left behind": lambda: F.cross_entropy(on_cuda(2, 3), torch.tensor([0, 1])),
    "an index on the GPU into the CPU's": lambda: host(3)[torch.tensor([1], device=CUDA)],
    "index_select with the CPU's": lambda: on_cuda(3).index_select(0, torch.tensor([1])),
    "gather with the CPU's": lambda: on_cuda(3).gather(0, torch.tensor([1])),
    "values put from the CPU": lambda: on_cuda(3).__setitem__(torch.tensor([0, 1]), host(2)),
    "a convolution's weight": lambda: F.conv2d(on_cuda(1, 1, 4, 4), host(1, 1, 3, 3)),
    "NumPy": lambda: on_cuda(3).numpy(),
    "NumPy by its own door": lambda: np.asarray(on_cuda(3)),
    "NumPy's functions": lambda: np.square(on_cuda(3)),
    "a CPU generator": lambda: torch.rand(3, device=CUDA, generator=torch.Generator()),
    "a CPU generator in place": lambda: on_cuda(3).bernoulli_(generator=torch.Generator()),
    "a GPU generator on the CPU": lambda: torch.randperm(3, generator=torch.Generator(CUDA)),
    "a gradient from elsewhere": lambda: setattr(host(3).requires_grad_(), "grad", on_cuda(3)),
    "pinned on the GPU": lambda: on_cuda(3).pin_memory(),
    "a second GPU": lambda: torch.ones(3, device="cuda:1"),
    "moved to a second GPU": lambda: host(3).to("cuda:1"),
}

ALLOWED: dict[str, Callable[[], Tensor]] = {
    "a number of the CPU": lambda: on_cuda(3) + host(),
    "a number of the CPU first": lambda: host() - on_cuda(3),
    "a limit from the CPU": lambda: torch.clamp(on_cuda(3), max=host()),
    "one of two numbers": lambda: torch.where(on_cuda(3) > 0, on_cuda(3), host()),
    "filled with a number": lambda: on_cuda(3).masked_fill(on_cuda(3) > 0, host()),
    "an index of the CPU": lambda: on_cuda(3)[torch.tensor([0, 2])],
    "a mask of the CPU": lambda: on_cuda(3)[torch.tensor([True, False, True])],
    "a number put": lambda: on_cuda(3).index_put_((torch.tensor([0]),), host()),
    "copied": lambda: on_cuda(3).copy_(host(3)),
    "Python's numbers": lambda: 2 * on_cuda(3) + 1.5,
    "like it": lambda: torch.zeros_like(on_cuda(3)),
    "new of it": lambda: on_cuda(3).new_zeros(2) + on_cuda(3).new_tensor([1.0, 2.0]),
    "the type of it": lambda: host(3).type_as(on_cuda(3)) * host(3).to(on_cuda(3)),
    "moved by name": lambda: host(3).cuda() + host(3).to(0) + host(3).to(device=CUDA),
    "a tensor of a list": lambda: torch.tensor([1.0], device=CUDA) + on_cuda(1),
    "as_tensor of an array": lambda: torch.as_tensor(np.ones(3), device=CUDA) + on_cuda(3),
    "as_tensor of the CPU's": lambda: torch.as_tensor(host(3), device=CUDA) + on_cuda(3),
    "one of each class": lambda: F.one_hot(torch.tensor([0, 2], device=CUDA), 3) + on_cuda(2, 3),
    "a module": lambda: nn.LSTM(2, 3).to(CUDA)(on_cuda(4, 1, 2))[0],
    "attention": lambda: nn.MultiheadAttention(4, 2).to(CUDA)(*[on_cuda(3, 1, 4)] * 3)[0],
    "by default": lambda: _made_by_default(3),
    "a generator of its own": lambda: torch.rand(
        3, device=CUDA, generator=torch.Generator(CUDA).manual_seed(1)
    ),
    "a copy": lambda: copy.deepcopy(nn.Linear(2, 2).to(CUDA))(on_cuda(1, 2)),
    "a view written to": lambda: _written_to(on_cuda(3, 4)),
    "one on meta": lambda: on_cuda(*torch.ones(3, device="meta").shape),
}


def _made_by_default(count: int) -> Tensor:
    with torch.device(CUDA):
        return torch.arange(count) + torch.zeros(count)


def _written_to(whole: Tensor) -> Tensor:
    whole[1:].T.mul_(on_cuda(2))
    return whole


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_what_cuda_refuses_is_refused(refused: Callable[[], Any]) -> None:
    with pretend_device(), pytest.raises((RuntimeError, TypeError)) as error:
        refused()
    assert any(word in str(error.value) for word in ("device", "cuda", "CUDA", "cpu"))


@pytest.mark.parametrize("allowed", ALLOWED.values(), ids=ALLOWED)
def test_what_cuda_allows_is_allowed_and_stays_there(allowed: Callable[[], Tensor]) -> None:
    with pretend_device():
        made = allowed().detach()
        assert made.is_cuda
        assert made.device == torch.device("cuda", 0) != torch.device("cuda")
        assert made.get_device() == 0
        assert not made.cpu().is_cuda
        assert made.cpu().numpy().shape == made.shape
        assert np.asarray(made.tolist()).shape == made.shape


ELEMENTWISE = {
    "add": torch.add, "mul": torch.mul, "maximum": torch.maximum, "ge": torch.ge,
    "atan2": torch.atan2, "hypot": torch.hypot, "copysign": torch.copysign, "xlogy": torch.xlogy,
    "where": lambda a, b: torch.where(a > 0, a, b),
}  # fmt: skip
WHOLE = {
    "dot": lambda a, b: a.reshape(-1)[:1] @ b.reshape(-1)[:1],
    "cat": lambda a, b: torch.cat([a.reshape(-1), b.reshape(-1)]),
    "stack": lambda a, b: torch.stack([a.sum(), b.sum()]),
    "cdist": lambda a, b: torch.cdist(a.reshape(-1, 1), b.reshape(-1, 1)),
}


@pytest.mark.long
@given(
    name=st.sampled_from([*ELEMENTWISE, *WHOLE]),
    sizes=st.tuples(*[st.sampled_from([(), (3,), (2, 3)])] * 2),
    devices=st.tuples(*[st.sampled_from(["cpu", CUDA])] * 2),
)
def test_two_operands_of_any_devices(
    name: str, sizes: tuple[Any, Any], devices: tuple[str, str]
) -> None:
    operation: Any = {**ELEMENTWISE, **WHOLE}[name]
    generator = torch.Generator().manual_seed(0)
    operands = [torch.rand(size, generator=generator) for size in sizes]
    mixed = devices[0] != devices[1]
    on_the_cpu = sizes[devices.index("cpu")] if mixed else None
    fine = not mixed or (name in ELEMENTWISE and on_the_cpu == ())
    expected = operation(*operands)
    with pretend_device():
        placed = [operand.to(device) for operand, device in zip(operands, devices, strict=True)]
        if fine:
            found = operation(*placed)
            assert found.is_cuda == (CUDA in devices)
            assert torch.equal(found.cpu(), expected)
        else:
            with pytest.raises(RuntimeError, match="device"):
                operation(*placed)


OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, foreach=False),
    "fused sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, fused=True),
    "fused adam": lambda p: torch.optim.Adam(p, lr=0.01, fused=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, foreach=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, foreach=False),
}


class Noise(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + 0.1 * torch.randn_like(inputs)


def trained(device: str, optimizer: Callable[[Any], torch.optim.Optimizer]) -> dict[str, Tensor]:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), Noise(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(), nn.Linear(36, 10),
    ).to(device)  # fmt: skip
    learner = optimizer(network.parameters())
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(learner, 20)
    inputs, labels = torch.randn(32, 1, 8, 8).to(device), torch.randint(10, (32,)).to(device)
    for step in range(20):
        rows = torch.randperm(32, device=device)[:16]
        loss = F.cross_entropy(network(inputs[rows]), labels[rows])
        learner.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        learner.step()
        schedule.step()
        if step == 10:
            saved = copy.deepcopy((network.state_dict(), learner.state_dict()))
            network.load_state_dict(saved[0])
            learner.load_state_dict(saved[1])
    assert {p.device.type for p in network.parameters()} == {device}
    return {name: tensor.cpu() for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_training_is_the_same_to_the_bit(
    optimizer: Callable[[Any], torch.optim.Optimizer],
) -> None:
    plain = trained("cpu", optimizer)
    with pretend_device():
        pretended = trained(CUDA, optimizer)
    assert plain.keys() == pretended.keys()
    assert all(torch.equal(plain[name], pretended[name]) for name in plain)


def test_a_gradient_comes_back_to_where_its_tensor_is() -> None:
    with pretend_device():
        weights = torch.ones(3, requires_grad=True)
        (weights.cuda() * 2).square().sum().cpu().backward()
        assert weights.grad is not None and not weights.grad.is_cuda
        assert weights.grad.tolist() == [8.0] * 3


class Doubled(torch.autograd.Function):
    """Its backward pass makes a tensor on the CPU, in Python."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor) -> Tensor:
        return inputs * 2

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return gradients[0] * torch.full((3,), 2.0)


def test_the_backward_pass_is_seen_too() -> None:
    with pretend_device():
        inputs = on_cuda(3).requires_grad_()
        with pytest.raises(RuntimeError, match="same device"):
            Doubled.apply(inputs).sum().backward()  # type: ignore[no-untyped-call]
        with pytest.raises(RuntimeError, match="same device"):
            torch.autograd.grad(Doubled.apply(inputs).sum(), inputs)  # type: ignore[no-untyped-call]


WAITING: dict[str, Callable[[Tensor], Any]] = {
    "item": lambda x: x[0].item(),
    "float": lambda x: float(x.sum()),
    "if": lambda x: bool((x > 0).all()),
    "tolist": lambda x: x.tolist(),
    "cpu": lambda x: x.cpu(),
    "a mask": lambda x: x[x > 0],
    "nonzero": lambda x: x.nonzero(),
    "equal": lambda x: torch.equal(x, x + 1),
    "an upload": lambda x: x + host(3).to(CUDA),
    "a list": lambda x: torch.tensor([1.0, 2.0, 3.0], device=CUDA),
    "an index of the CPU": lambda x: x[torch.tensor([0, 1])],
    "copied from the CPU": lambda x: x.copy_(host(3)),
    "copied to the CPU": lambda x: host(3).copy_(x),
    "unique": lambda x: x.unique(),
}
NOT_WAITING: dict[str, Callable[[Tensor], Any]] = {
    "arithmetic": lambda x: (x * 2 + 1).softmax(0).sum(),
    "a mask filled": lambda x: x.masked_fill(x > 0, 1.0),
    "a mask set": lambda x: x.__setitem__(x > 0, 0.0),
    "an index": lambda x: x[torch.arange(2, device=CUDA)],
    "where": lambda x: torch.where(x > 0, x, 0),
    "random": lambda x: torch.randn_like(x) + torch.rand(3, device=CUDA),
    "pinned": lambda x: host(3).pin_memory().to(CUDA, non_blocking=True),
    "made pinned": lambda x: x.copy_(torch.ones(3, pin_memory=True), non_blocking=True),
    "asked not to wait": lambda x: x.to("cpu", non_blocking=True),
    "between themselves": lambda x: x.copy_(x.clone()),
    "asked": lambda x: (x.shape, x.device, x.dtype, len(x), x.numel()),
    "on the CPU": lambda x: (host(3).tolist(), float(host(3).sum())),
}


@pytest.mark.parametrize("waiting", WAITING.values(), ids=WAITING)
def test_what_waits_is_counted_and_can_be_refused(waiting: Callable[[Tensor], Any]) -> None:
    with pretend_device() as device:
        x = on_cuda(3)
        before = device.synchronisations
        waiting(x)
        assert device.synchronisations == before + 1
        with (
            device.refuse_synchronisations("a captured step"),
            pytest.raises(RuntimeError, match="waits for the GPU, which a captured step must not"),
        ):
            waiting(x)
        waiting(x)


@pytest.mark.parametrize("going", NOT_WAITING.values(), ids=NOT_WAITING)
def test_what_does_not_wait(going: Callable[[Tensor], Any]) -> None:
    with pretend_device() as device:
        x = on_cuda(3)
        with device.refuse_synchronisations():
            going(x)
        assert device.synchronisations == 0


UNORDERED: dict[str, Callable[[Tensor], Any]] = {
    "padded by reflection": lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect").sum().backward(),
    "enlarged": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear").sum().backward(),
    "pooled": lambda x: F.adaptive_avg_pool2d(x, 2).sum().backward(),
    "counted": lambda x: torch.histc(x.detach()),
    "summed up": lambda x: x.flatten().cumsum(0),
    "weighed": lambda x: torch.bincount(
        torch.zeros(3, dtype=torch.long, device=x.device), torch.ones(3, device=x.device)
    ),
    "the middle": lambda x: x.median(0),
    "sampled": lambda x: F.grid_sample(
        x, torch.zeros(1, 2, 2, 2, device=x.device), align_corners=False
    ).sum().backward(),
}  # fmt: skip


@pytest.mark.parametrize("unordered", UNORDERED.values(), ids=UNORDERED)
def test_what_has_no_deterministic_implementation(unordered: Callable[[Tensor], Any]) -> None:
    with pretend_device():
        x = torch.rand(1, 1, 4, 4, device=CUDA).requires_grad_()
        unordered(x)
        torch.use_deterministic_algorithms(True)
        try:
            with pytest.raises(RuntimeError, match="does not have a deterministic implementation"):
                unordered(x)
            unordered(x.detach().cpu().requires_grad_())
        finally:
            torch.use_deterministic_algorithms(False)


def test_autocast_computes_in_its_precision() -> None:
    with pretend_device(), torch.autocast(CUDA, torch.bfloat16):
        assert (on_cuda(2, 2) @ on_cuda(2, 2)).dtype == torch.bfloat16


def test_afterwards_all_is_as_before() -> None:
    generators = random_state()
    names = [getattr(torch, name) for name in ("Generator", "autocast")]
    with pytest.raises(ZeroDivisionError), pretend_device():
        _ = 1 / 0
    assert names == [getattr(torch, name) for name in ("Generator", "autocast")]
    assert torch.cuda.is_available.__module__ == "torch.cuda"
    assert torch.equal(generators["torch"], torch.get_rng_state())
    with pytest.raises((RuntimeError, AssertionError)):
        torch.cuda.synchronize()


# What a plugin's author may plant: each is right on the CPU, and fails on a GPU ------------------


class LeavesThePermutation(Good):
    def logits(self, inputs: Tensor) -> Tensor:
        rows = torch.randperm(len(inputs)).argsort() * 0 + torch.arange(len(inputs))
        return super().logits(inputs.index_select(0, rows))


class LeavesTheSource(Good):
    def fit(self, data: rockfall.Dataset, run: rockfall.Run) -> None:
        super().fit(data.to(torch.device("cpu")), run)


class ForgetsABuffer(Good):
    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info)
        self.scale = torch.full((10,), 0.5)

    def logits(self, inputs: Tensor) -> Tensor:
        return super().logits(inputs) * self.scale


class AugmentsByNumPy(Good):
    def logits(self, inputs: Tensor) -> Tensor:
        return super().logits(torch.from_numpy(np.flip(inputs.numpy(), 2).copy()))


class AddsNoiseOfTheCpu(Good):
    def logits(self, inputs: Tensor) -> Tensor:
        return super().logits(inputs + 0 * torch.rand(inputs.shape))


class DrawsFromItsOwnGenerator(Good):
    def logits(self, inputs: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        noise = torch.rand(inputs.shape, device=inputs.device, generator=generator)
        return super().logits(inputs + 0 * noise)


class MakesItsTargetsOnTheCpu(Good):
    def logits(self, inputs: Tensor) -> Tensor:
        logits = super().logits(inputs)
        return logits - logits.gather(1, torch.zeros(len(inputs), 1, dtype=torch.long)) * 0


class KeepsAListOfTensors(Good):
    """State beside its parameters, which no `.to` reaches."""

    def begin(self, run: rockfall.Run) -> None:
        self.means = [torch.zeros(10) for _ in range(2)]

    def factor(self) -> float:
        self.means[0].lerp_(self.linear.bias.detach(), 0.5)
        return 1.0


class ClassifiesOnTheCpu(Good):
    def classify(self, inputs: Tensor) -> Tensor:
        return super().logits(inputs).softmax(1).to(torch.zeros(1))


class MovesByDefault(Good):
    """Right everywhere: the kit's own augmentation, the permutation on the device."""

    def logits(self, inputs: Tensor) -> Tensor:
        shifted = shift(inputs.float(), 1) if self.training else inputs
        return super().logits(shifted[torch.arange(len(inputs), device=inputs.device)])


PLANTED = (
    LeavesThePermutation, LeavesTheSource, ForgetsABuffer, AugmentsByNumPy, AddsNoiseOfTheCpu,
    DrawsFromItsOwnGenerator, MakesItsTargetsOnTheCpu, KeepsAListOfTensors,
)  # fmt: skip


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_mix_up_is_found(kind: type, check: Check) -> None:
    with pytest.raises(AssertionError, match=r"made-up: on pretend device: .*(device|numpy)"):
        check(kind, device="pretend")


@pytest.mark.long
@pytest.mark.parametrize("kind", PLANTED)
def test_on_the_cpu_no_mix_up_shows(kind: type, check: Check) -> None:
    check(kind)


@pytest.mark.long
@pytest.mark.parametrize("kind", [Good, MovesByDefault])
def test_a_model_without_mix_ups_passes(kind: type, check: Check) -> None:
    check(kind, device="pretend")


# Captured steps ---------------------------------------------------------------------------------


def captured(device: str, *, recordings: int = 4, counts_in_python: bool = False) -> list[Tensor]:
    """Weights after some steps of a network with dropout and a rate that falls."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 2))
    network.to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1, fused=True)
    calls = 0

    def step(inputs: Tensor, labels: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        noise = torch.rand(len(inputs), 1, device=device)
        loss = F.cross_entropy(network(inputs + noise), labels)
        optimizer.zero_grad()
        (loss * calls if counts_in_python else loss).backward()
        optimizer.step()
        return loss

    with mock.patch.object(graphs, "MOST_RECORDINGS", recordings):
        run = graphs.CapturedStep(step, [optimizer], torch.device(device))
        losses = []
        for number in range(12):
            inputs, labels = torch.rand(6 - number % 2, 4), torch.tensor([0, 1, 0, 1, 1, 0])
            set_lr(optimizer, 0.1 / (1 + number))
            losses.append(run(inputs.to(device), labels[: len(inputs)].to(device)).clone())
    assert run.recordings == (2 if device == CUDA and recordings else 0)
    assert calls == (8 if device == CUDA and recordings else 12)
    return [*losses, *network.state_dict().values()]


def test_a_captured_step_is_the_eager_one_to_the_bit() -> None:
    with pretend_device():
        replayed, eager = captured(CUDA), captured(CUDA, recordings=0)
        assert all(torch.equal(a, b) for a, b in zip(replayed, eager, strict=True))


def test_a_captured_step_runs_its_python_no_more() -> None:
    with pretend_device():
        replayed = captured(CUDA, counts_in_python=True)
        eager = captured(CUDA, recordings=0, counts_in_python=True)
        assert not all(torch.equal(a, b) for a, b in zip(replayed, eager, strict=True))


def test_a_captured_step_must_not_wait() -> None:
    with pretend_device():
        step = graphs.CapturedStep(lambda x: x * float(x.sum()), [], torch.device(CUDA))
        for _ in range(graphs.WARM_UP):
            step(on_cuda(3))
        with pytest.raises(RuntimeError, match="waits for the GPU, which a captured step must not"):
            step(on_cuda(3))
