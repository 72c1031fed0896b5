"""Learning rates and averages of weights through a training, against the published formulas."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from rockfall.kit.schedules import averaged_model, lr_factor, set_lr
from rockfall.testing import pretend_device


@pytest.mark.parametrize("warmup", [0.0, 0.25])
@pytest.mark.parametrize(
    ("schedule", "middle"), [("cosine", 0.5), ("linear", 0.5), ("constant", 1.0)]
)
def test_rate(schedule: Any, middle: float, warmup: float) -> None:
    end = 1.0 if schedule == "constant" else 0.0
    assert lr_factor(warmup, schedule, warmup) == pytest.approx(1)
    assert lr_factor((1 + warmup) / 2, schedule, warmup) == pytest.approx(middle)
    assert lr_factor(1.0, schedule, warmup) == pytest.approx(end, abs=1e-12)
    if warmup:
        assert lr_factor(0, schedule, warmup) == 0
        assert lr_factor(warmup / 2, schedule, warmup) == pytest.approx(0.5)


def test_cosine_is_the_published_one() -> None:
    for tenth in range(11):  # Loshchilov and Hutter 2017, equation 5, from 1 to 0
        expected = 0.5 * (1 + math.cos(math.pi * tenth / 10))
        assert lr_factor(tenth / 10, "cosine") == pytest.approx(expected)


@pytest.mark.parametrize("decay", [0.3, 0.99])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_moving_average_is_exponential_and_forgets_its_beginning(decay: float, device: str) -> None:
    torch.manual_seed(0)
    with pretend_device() as pretended:
        layer = nn.BatchNorm1d(1).to(device)
        assert layer.running_mean is not None and layer.num_batches_tracked is not None
        average = averaged_model(layer, decay)
        assert average is not None
        expected = 0.0
        for update in range(40):
            value = math.sin(update)
            for held in (layer.weight, layer.running_mean):
                held.data.fill_(value)
            layer.num_batches_tracked.fill_(update)
            with pretended.refuse_synchronisations():
                average.update_parameters(layer)
            share = min(decay, (1 + update) / (10 + update)) if update else 0.0
            expected = share * expected + (1 - share) * value
            if not update:
                assert torch.equal(average.module.weight, layer.weight), "the first is copied"
        found = average.module
        assert found.weight.item() == pytest.approx(expected, abs=1e-6)
        assert found.running_mean.item() == pytest.approx(expected, abs=1e-6), "so are buffers"
        assert found.num_batches_tracked.item() == 39, "what is counted is not averaged"


def test_moving_average_on_the_cpu_is_bit_for_bit_that_of_torch() -> None:
    """Of `AveragedModel` with a function of its own, which wrote the averages of older runs."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Conv2d(5, 2, 1))

    def lerp(averaged: Any, newest: Any, updates: Any) -> None:
        share = 1 - min(0.99, (1 + int(updates)) / (10 + int(updates)))
        for mean, new in zip(averaged, newest, strict=True):
            if mean.is_floating_point():
                mean.lerp_(new, share)
            else:
                mean.copy_(new)

    before = AveragedModel(network, multi_avg_fn=lerp, use_buffers=True)
    average = averaged_model(network, 0.99)
    assert average is not None
    for update in range(30):
        network(torch.randn(2, 3, 4, 4))
        with torch.no_grad():
            for weights in network.parameters():
                weights.add_(torch.randn_like(weights), alpha=0.1)
        before.update_parameters(network)
        average.update_parameters(network)
        if update == 10:  # as if it were resumed
            average.load_state_dict(before.state_dict())
    expected, found = before.state_dict(), average.state_dict()
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_a_rate_is_set_for_all_groups_in_place_where_it_is_a_tensor() -> None:
    weights = [nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.SGD([{"params": [each]} for each in weights], lr=0.1, fused=True)
    first, second = optimizer.param_groups
    first["lr"] = held = torch.tensor(0.1)
    set_lr(optimizer, 0.3)
    assert first["lr"] is held and held.item() == pytest.approx(0.3)
    assert second["lr"] == 0.3 and isinstance(second["lr"], float)
