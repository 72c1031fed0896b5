"""What is asked of a model that resamples."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from rockfall_capabilities.resamples.check import check
from tests.capabilities.samplers import dataset


class Chain:
    """Noise, as large as the temperature."""

    def resample(
        self, inputs: Tensor, clamped: Tensor, *, temperature: float = 1.0
    ) -> Iterator[Tensor]:
        while True:
            drawn = (torch.rand(inputs.shape) * 250 * temperature).to(inputs.dtype)
            yield inputs.where(clamped, drawn)


class Ends(Chain):
    def resample(
        self, inputs: Tensor, clamped: Tensor, *, temperature: float = 1.0
    ) -> Iterator[Tensor]:
        steps = super().resample(inputs, clamped, temperature=temperature)
        return itertools.islice(steps, 2)


class LetsGo(Chain):
    def resample(
        self, inputs: Tensor, clamped: Tensor, *, temperature: float = 1.0
    ) -> Iterator[Tensor]:
        return super().resample(inputs, clamped & False, temperature=temperature)


class IsAlwaysWarm(Chain):
    def resample(
        self, inputs: Tensor, clamped: Tensor, *, temperature: float = 1.0
    ) -> Iterator[Tensor]:
        return super().resample(inputs, clamped)


class GivesFractions(Chain):
    def resample(
        self, inputs: Tensor, clamped: Tensor, *, temperature: float = 1.0
    ) -> Iterator[Tensor]:
        for step in super().resample(inputs, clamped, temperature=temperature):
            yield step.float()


def test_a_model_that_resamples() -> None:
    check(Chain(), dataset())


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (Ends, "resample ends after 2 steps"),
        (LetsGo, "resample changes what is clamped"),
        (IsAlwaysWarm, "the temperature makes no difference"),
        (GivesFractions, "step 0 of resample is torch.float32"),
    ],
)
def test_what_a_chain_must_be(kind: type[Chain], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check(kind(), dataset())
