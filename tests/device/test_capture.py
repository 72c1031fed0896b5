"""A captured step on CUDA itself: recorded, replayed, and to the bit what it is when called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rockfall.kit import graphs
from rockfall.kit.graphs import WARM_UP, CapturedStep
from rockfall.kit.schedules import set_lr
from rockfall.testing.comparing import difference
from rockfall.testing.complaints import undisturbed
from tests.device.where import CUDA

pytestmark = [
    pytest.mark.device,
    # Pretend graphs are replayed in tests/core/test_pretend_device.py; these are real ones.
    pytest.mark.skipif(not CUDA, reason="no GPU here: `make device` where there is one"),
]

STEPS = WARM_UP + 9
SIZES = (32, 20)
"""Rows of the batches, which take turns every few steps."""


@pytest.fixture(autouse=True)
def deterministic() -> Iterator[None]:
    with undisturbed(), torch.backends.cudnn.flags(enabled=True, deterministic=True):
        yield


def adam(weights: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(weights, lr=1e-2, fused=True)


def sgd(weights: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(weights, lr=1e-2, momentum=0.9, fused=True)


def rmsprop(weights: Any) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(weights, lr=1e-2)


def trained(
    make: Callable[[Any], torch.optim.Optimizer], precision: torch.dtype | None = None
) -> tuple[list[Any], int]:
    """Losses, weights, and the optimizer's state of an MLP with dropout; and for how many shapes
    its step was recorded.
    """
    torch.manual_seed(0)
    device = torch.device("cuda")
    network = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 3))
    network.to(device)
    inputs = torch.randn(max(SIZES), 8, device=device)
    labels = torch.randint(3, (max(SIZES),), device=device)
    optimizer = make(network.parameters())

    def step(inputs: Tensor, labels: Tensor) -> Tensor:
        with torch.autocast("cuda", precision, enabled=precision is not None):
            loss = F.cross_entropy(network(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        return loss

    captured = CapturedStep(step, (optimizer,), device)
    losses = []
    for number in range(2 * STEPS):
        set_lr(optimizer, 1e-2 / (1 + number))
        rows = SIZES[number // 3 % 2]
        losses.append(captured(inputs[:rows] + number, labels[:rows]).clone())
    drawn_next = torch.rand(3, device=device)
    state = optimizer.state_dict()["state"]
    return [losses, network.state_dict(), state, drawn_next], captured.recordings


@pytest.mark.parametrize("precision", [None, torch.bfloat16])
@pytest.mark.parametrize("make", [adam, sgd, rmsprop])
def test_a_replay_is_the_call(
    make: Any, precision: torch.dtype | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a learning rate that changes, dropout's random numbers, and two shapes."""
    replayed, recordings = trained(make, precision)
    assert recordings == len(SIZES)
    monkeypatch.setattr(graphs, "MOST_RECORDINGS", 0)
    called, recordings = trained(make, precision)
    assert recordings == 0
    assert not (where := difference(called, replayed)), f"replayed, it differs in {where}"
    losses, *_ = called
    assert len({loss.item() for loss in losses}) == len(losses)


def test_a_replay_draws_other_numbers_each_time() -> None:
    captured = CapturedStep(lambda: torch.rand(4, device="cuda"), (), torch.device("cuda"))
    drawn = torch.stack([captured().clone() for _ in range(STEPS)])
    assert captured.recordings == 1
    assert len(drawn.unique()) == drawn.numel()


def test_a_generator_of_its_own_is_replayed_too() -> None:
    def drawn(most: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Tensor, int]:
        monkeypatch.setattr(graphs, "MOST_RECORDINGS", most)
        generator = torch.Generator("cuda").manual_seed(5)

        def step() -> Tensor:
            return torch.rand(4, device="cuda", generator=generator)

        captured = CapturedStep(step, (), torch.device("cuda"), (generator,))
        return torch.stack([captured().clone() for _ in range(STEPS)]), captured.recordings

    with pytest.MonkeyPatch.context() as patch:
        called, _ = drawn(0, patch)
        replayed, recordings = drawn(4, patch)
    assert recordings == 1
    assert torch.equal(called, replayed)


@pytest.mark.parametrize("waits", [True, False])
def test_a_step_that_waits_is_called_instead(waits: bool) -> None:
    """What fails to be recorded leaves nothing behind: neither in the sums nor on the device."""
    total = torch.zeros(3, device="cuda")

    def step(new: Tensor) -> Tensor:
        total.add_(torch.rand(3, device="cuda"))
        if waits:
            total.add_(new.sum().item())
        return total.sum()

    captured = CapturedStep(step, (), torch.device("cuda"))
    torch.manual_seed(0)
    for number in range(STEPS):
        captured(torch.full((2,), float(number), device="cuda"))
    assert captured.recordings == (0 if waits else 1)
    torch.manual_seed(0)
    expected = torch.zeros(3, device="cuda")
    for number in range(STEPS):
        expected.add_(torch.rand(3, device="cuda"))
        if waits:
            expected.add_(2.0 * number)
    assert torch.equal(total, expected)
    assert torch.ones(4, device="cuda").sum().item() == 4
