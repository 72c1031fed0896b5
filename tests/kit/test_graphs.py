"""Captured steps, with a recorder that replays by calling: each call executes once, everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from rockfall.kit import checkpoint, graphs
from rockfall.kit.graphs import MOST_RECORDINGS, WARM_UP, CapturedStep
from rockfall.kit.randomness import random_state
from rockfall.kit.schedules import set_lr

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class Recorder:
    """Stands for CUDA: what it records does not execute, and is executed when it is replayed."""

    def __init__(self) -> None:
        self.warmed = self.recorded = self.replayed = 0
        self.failing: Exception | None = None

    def warm_up(self, step: Callable[..., Any], inputs: Any, device: Any) -> Any:
        self.warmed += 1
        return graphs._detached(step(*inputs))

    def record(
        self, step: Callable[..., Any], inputs: Any, device: Any, generators: Any
    ) -> Callable[..., Any]:
        self.recorded += 1
        held = [each.clone() for each in inputs]
        if self.failing:
            torch.rand(())
            raise self.failing
        buffers: list[Any] = []

        def replay(*given: Tensor) -> Any:
            self.replayed += 1
            for buffer, new in zip(held, given, strict=True):
                buffer.copy_(new)
            outputs = graphs._detached(step(*held))
            if not buffers:
                buffers.append(outputs)
            elif isinstance(outputs, Tensor):
                buffers[0].copy_(outputs)
            return buffers[0]

        return replay


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    monkeypatch.setattr(graphs, "_warm_up", made.warm_up)
    monkeypatch.setattr(graphs, "_record", made.record)
    return made


def test_every_call_executes_once_and_sees_its_own_inputs(recorder: Recorder) -> None:
    total, calls = torch.zeros(2), torch.zeros(())

    def add(new: Tensor) -> Tensor:
        calls.add_(1)
        return total.add_(new).sum()

    step = CapturedStep(add, (), CUDA)
    for count in range(1, 9):
        expected = total + count
        assert step(torch.full((2,), float(count))) == expected.sum()
        assert torch.equal(total, expected)
        assert calls == count
    assert (recorder.warmed, recorder.recorded, recorder.replayed) == (WARM_UP, 1, 8 - WARM_UP)
    assert step.recordings == 1


def test_off_cuda_the_step_is_called_as_it_is(recorder: Recorder) -> None:
    step = CapturedStep(lambda new: 2 * new, (), CPU)
    for count in range(9):
        assert step(torch.tensor(count)) == 2 * count
    assert recorder.warmed == recorder.recorded == step.recordings == 0
    assert step.eager


def test_shapes_and_types_are_recorded_apart_and_only_a_few(recorder: Recorder) -> None:
    step = CapturedStep(lambda a, b: (a.sum() + b).float(), (), CUDA)
    one = torch.tensor(1)
    kinds = [torch.ones(2), torch.ones(3), torch.ones(2, 1), torch.ones(2, dtype=torch.int64)]
    assert len(kinds) == MOST_RECORDINGS
    for call in range(WARM_UP + 2):
        for kind in kinds:
            assert step(kind * call, one) == kind.sum() * call + 1
    assert recorder.recorded == step.recordings == MOST_RECORDINGS
    more = torch.ones(7)
    for call in range(WARM_UP + 2):
        assert step(more * call, one) == 7 * call + 1
    assert step.recordings == MOST_RECORDINGS, "the fifth is called"
    before = recorder.replayed
    assert step(kinds[0], one) == 3
    assert recorder.replayed == before + 1, "the first is still replayed"


def test_modes_are_recorded_apart(recorder: Recorder) -> None:
    weight = torch.ones((), requires_grad=True)

    def step(new: Tensor) -> Tensor:
        seen = torch.tensor(0.0)
        if torch.is_grad_enabled():
            weight.grad = None
            (weight * new).backward()
            assert weight.grad is not None
            seen = weight.grad
        return seen

    captured = CapturedStep(step, (), CUDA)
    with torch.no_grad():
        for _ in range(WARM_UP + 2):
            assert captured(torch.tensor(3.0)) == 0
    for _ in range(WARM_UP + 2):
        assert captured(torch.tensor(3.0)) == 3
    assert captured.recordings == 2


@pytest.mark.long
@pytest.mark.parametrize(
    "error", [RuntimeError("operation not permitted when stream is capturing"), None]
)
def test_what_cannot_be_recorded_is_called_instead(
    recorder: Recorder, error: Exception | None
) -> None:
    """error: None for a step that draws on the CPU, which a replay would not do again."""
    recorder.failing = error
    weight = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    drawn = []

    def step() -> Tensor:
        drawn.append(torch.rand(()).item())
        loss = (weight - drawn[-1]).sum()
        loss.backward()
        optimizer.step()
        return loss

    recording = graphs._record

    def running(step: Callable[..., Any], *rest: Any) -> Callable[..., Any]:
        if not error:  # in Python alone, as a recording is
            weight.grad = None
            torch.rand(())
        return recording(step, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graphs, "_record", running)
        captured = CapturedStep(step, (optimizer,), CUDA)
        torch.manual_seed(0)
        for _ in range(8):
            captured()
    assert recorder.recorded == 1, "it is not tried again"
    assert captured.eager and captured.recordings == 0
    assert len(drawn) == 8
    torch.manual_seed(0)
    assert drawn == [torch.rand(()).item() for _ in range(8)]
    # Gradients add up, since this step does not clear them: so none was lost or counted twice.
    assert weight.grad == 8
    assert weight.item() == -sum(range(1, 9))


def test_autocast_around_a_step_is_not_recorded(recorder: Recorder) -> None:
    step = CapturedStep(lambda new: new + 1, (), CPU)
    step.eager, step._device = False, CPU  # as if this were CUDA
    with torch.autocast("cpu", torch.bfloat16):
        for _ in range(WARM_UP + 2):
            assert step(torch.tensor(1.0)) == 2
    assert recorder.recorded == 0
    assert step.eager


class Found(NamedTuple):
    loss: Tensor
    count: Tensor


@pytest.mark.parametrize("device", [CPU, CUDA])
@pytest.mark.parametrize("shape", [lambda t: t, lambda t: (t, t), lambda t: Found(t, t)])
def test_what_it_returns_holds_no_graph(recorder: Recorder, device: Any, shape: Any) -> None:
    weight = torch.ones((), requires_grad=True)
    step = CapturedStep(lambda: {"found": shape(weight * 2)}, (), device)
    for _ in range(WARM_UP + 2):
        found = step()["found"]
        assert type(found) is type(shape(weight))
        for each in found if isinstance(found, tuple) else (found,):
            assert each == 2 and not each.requires_grad


def steps(optimizer: torch.optim.Optimizer, weights: Tensor, device: torch.device) -> CapturedStep:
    def step(target: Tensor) -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = (weights - target).square().sum()
        loss.backward()
        optimizer.step()
        return loss

    return CapturedStep(step, (optimizer,), device)


def adam(weights: Tensor) -> torch.optim.Optimizer:
    return torch.optim.Adam([weights], lr=0.1, fused=True)


def sgd(weights: Tensor) -> torch.optim.Optimizer:
    return torch.optim.SGD([weights], lr=0.1, momentum=0.9, fused=True)


def rmsprop(weights: Tensor) -> torch.optim.Optimizer:
    return torch.optim.RMSprop([weights], lr=0.1)


def as_tensors(optimizer: torch.optim.Optimizer) -> bool:
    """Whether an optimizer is as a captured step wants it."""
    (group,) = optimizer.param_groups
    steps = [state["step"] for state in optimizer.state.values() if "step" in state]
    return (
        isinstance(group["lr"], Tensor)
        and group.get("capturable", True)
        and all(isinstance(each, Tensor) for each in steps)
    )


@pytest.mark.parametrize("make", [adam, sgd, rmsprop])
def test_optimizers_are_made_capturable_before_the_first_call(make: Any) -> None:
    optimizer = make(nn.Parameter(torch.zeros(2)))
    (group,) = optimizer.param_groups
    captured = CapturedStep(lambda: torch.zeros(()), (optimizer,), CUDA)
    assert group["lr"] == 0.1 and not as_tensors(optimizer), "what is restored first is as it was"
    captured._rates = captured._prepare()
    assert as_tensors(optimizer)
    assert group["lr"].dtype == torch.float32 and group["lr"].item() == pytest.approx(0.1)
    set_lr(optimizer, 0.25)
    assert captured._rates == [(group, group["lr"])]
    assert group["lr"] == 0.25


def test_a_number_that_is_assigned_is_seen(recorder: Recorder) -> None:
    weights = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weights], lr=1.0, fused=True)
    (group,) = optimizer.param_groups

    def step() -> Tensor:
        return torch.as_tensor(group["lr"]).clone()

    captured = CapturedStep(step, (optimizer,), CUDA)
    captured()
    rate = group["lr"]
    for value in (0.5, 0.25, torch.tensor(0.125)):
        group["lr"] = value
        assert captured() == value
        assert group["lr"] is rate


def test_schedulers_of_torch_fill_the_tensor(recorder: Recorder) -> None:
    weights = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weights], lr=1.0, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, 4)
    captured = CapturedStep(lambda: torch.zeros(()), (optimizer,), CUDA)
    captured()
    rate = optimizer.param_groups[0]["lr"]
    for left in (0.75, 0.5, 0.25, 0.0):
        optimizer.step()
        schedule.step()
        assert optimizer.param_groups[0]["lr"] is rate
        assert rate.item() == pytest.approx(left)


@pytest.mark.parametrize("make", [adam, sgd, rmsprop])
def test_a_state_goes_through_a_checkpoint_to_the_cpu_and_back(
    recorder: Recorder, tmp_path: Any, make: Any
) -> None:
    def begin() -> tuple[Tensor, torch.optim.Optimizer]:
        weights = nn.Parameter(torch.zeros(2))
        return weights, make(weights)

    target = torch.tensor([1.0, 2.0])
    weights, optimizer = begin()
    plain = steps(optimizer, weights, CPU)
    for _ in range(3):
        plain(target)
    # Adam refuses to be capturable on the CPU, so the state is made as CUDA would leave it.
    graphs._make_capturable(optimizer)
    assert as_tensors(optimizer)
    checkpoint.write(tmp_path / "state", [weights.detach(), optimizer.state_dict()])
    held, state = checkpoint.read(tmp_path / "state")

    again, resumed = begin()
    captured = steps(resumed, again, CPU)
    again.data.copy_(held)
    resumed.load_state_dict(state)
    assert isinstance(resumed.param_groups[0]["lr"], Tensor)
    captured(target)
    (group,) = resumed.param_groups
    assert group["lr"] == pytest.approx(0.1) and isinstance(group["lr"], float)
    assert not group.get("capturable")
    graphs._make_plain(optimizer)
    plain(target)
    assert torch.equal(weights, again)
    assert not math.isclose(weights[0].item(), 0)


def test_a_state_that_is_loaded_later_is_recorded_anew(recorder: Recorder) -> None:
    weights = nn.Parameter(torch.zeros(2))
    optimizer = sgd(weights)
    captured = steps(optimizer, weights, CUDA)
    target = torch.ones(2)
    for _ in range(WARM_UP + 2):
        captured(target)
    assert captured.recordings == 1
    saved, held = checkpointed(optimizer), weights.detach().clone()
    expected = [captured(target).item() for _ in range(3)]
    weights.data.copy_(held)
    optimizer.load_state_dict(saved)
    assert [captured(target).item() for _ in range(3)] == expected
    assert captured.recordings == 0, "what was recorded changes other tensors"
    assert as_tensors(optimizer)


def checkpointed(optimizer: torch.optim.Optimizer) -> Any:
    state = optimizer.state_dict()
    return torch.utils._pytree.tree_map(  # type: ignore[no-untyped-call]
        lambda each: each.clone() if isinstance(each, Tensor) else each, state
    )


def test_generators_that_moved_are_found() -> None:
    before = random_state()
    assert graphs._is_state(before)
    torch.rand(())
    assert not graphs._is_state(before)
