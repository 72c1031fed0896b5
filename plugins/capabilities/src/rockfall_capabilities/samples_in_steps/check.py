"""What the conformance kit asks of a model that samples in steps."""

from __future__ import annotations

import torch

from rockfall import Dataset, fork_rng
from rockfall_capabilities.samples_in_steps.protocol import SamplesInSteps

MAX_STEPS = 10_000
"""Steps of a model of preset `tiny` that the kit waits for."""


def check(model: SamplesInSteps, source: Dataset) -> None:
    """Each step has the source's shape and type, and the last is what `sample` gives."""
    with fork_rng(seed=0):
        samples = model.sample(5)
    wanted = source.train.inputs[:5]
    last = kept = None
    with fork_rng(seed=0):
        for number, step in enumerate(model.sample_steps(5)):
            assert number < MAX_STEPS, f"sample_steps does not end within {MAX_STEPS:,} steps"
            assert step.shape == wanted.shape, (
                f"step {number} of sample_steps is {tuple(step.shape)}"
            )
            assert step.dtype == wanted.dtype, f"step {number} of sample_steps is {step.dtype}"
            if last is not None and kept is not None:
                assert torch.equal(last, kept), "sample_steps changes a step that it gave before"
            last, kept = step, step.clone()
    assert last is not None, "sample_steps gave none"
    assert torch.equal(last, samples), "the last of sample_steps must be what sample gives"
