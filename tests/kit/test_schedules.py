"""Learning rates and averages of weights through a training, against the published formulas."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from rockfall.kit.schedules import lr_factor, moving_average


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
def test_moving_average_is_exponential_and_forgets_its_beginning(decay: float) -> None:
    torch.manual_seed(0)
    layer = nn.BatchNorm1d(1)
    average = AveragedModel(layer, multi_avg_fn=moving_average(decay), use_buffers=True)
    expected = 0.0
    for update in range(40):
        value = math.sin(update)
        for held in (layer.weight, layer.running_mean):
            assert held is not None
            held.data.fill_(value)
        assert layer.num_batches_tracked is not None
        layer.num_batches_tracked.fill_(update)
        average.update_parameters(layer)
        share = min(decay, (1 + update) / (10 + update)) if update else 0.0
        expected = share * expected + (1 - share) * value
    found = average.module
    assert found.weight.item() == pytest.approx(expected, abs=1e-6)
    assert found.running_mean.item() == pytest.approx(expected, abs=1e-6), "so are buffers"
    assert found.num_batches_tracked.item() == 39, "what is counted is not averaged"
