"""What the conformance kit asks of a model that resamples."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from rockfall import Dataset, fork_rng
from rockfall_capabilities.resamples.protocol import Resamples

STEPS = 4


def check(model: Resamples, source: Dataset) -> None:
    """Steps have the inputs' shape and type, the seed decides them, they go on, and what is clamped
    keeps its value; the temperature makes a difference.
    """
    inputs = source.train.inputs[:5]
    nothing = torch.zeros_like(inputs, dtype=torch.bool)
    half = nothing.clone()
    half.flatten(1)[:, : half[0].numel() // 2] = True

    def steps(clamped: Tensor, temperature: float = 1.0) -> list[Tensor]:
        with fork_rng(seed=0):
            chain = model.resample(inputs, clamped, temperature=temperature)
            return list(itertools.islice(chain, STEPS))

    free, again, cold, held = steps(nothing), steps(nothing), steps(nothing, 0.25), steps(half)
    for number, step in enumerate((*free, *held)):
        assert step.shape == inputs.shape, f"step {number} of resample is {tuple(step.shape)}"
        assert step.dtype == inputs.dtype, f"step {number} of resample is {step.dtype}"
        assert torch.isfinite(step).all(), f"step {number} of resample is not finite"
    assert len(free) == STEPS, f"resample ends after {len(free)} steps"
    same = all(map(torch.equal, free, again))
    assert same, "the same seed must give the same steps, each a tensor of its own"
    assert not all(map(torch.equal, free, cold)), "the temperature makes no difference"
    assert all(torch.equal(step[half], inputs[half]) for step in held), (
        "resample changes what is clamped"
    )
