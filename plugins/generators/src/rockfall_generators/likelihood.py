"""`likelihood`: computes the log-likelihood of an example, with no bound's gap. Its figure is that
of the test split, in nats an example, beside a model of independent inputs.

It is the yardstick of `bounds`: the values are observed alike, so that figures compare.
"""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall import Dataset, fork_rng
from rockfall.kit.drawing import are_pictures
from rockfall.kit.measurements import Measurements, measurement
from rockfall.kit.progress import counted
from rockfall_generators.bounds import (
    BASELINE_EXAMPLES,
    TEST_EXAMPLES,
    Observes,
    independent_log_likelihood,
)

BATCH = 100


@runtime_checkable
class Likelihood(Observes, Protocol):
    """Says log p(x)."""

    likelihood_note: str
    """What a reader of the figure has to know; may be empty."""

    def log_likelihood(self, x: Tensor, /) -> Tensor:
        """x (N, …) → log p(x) (N,)."""


def evaluate(
    model: Likelihood, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """The mean over at most `limit` test examples, and bits a number where x is discrete."""
    test = source.test.evenly_spaced(min(limit or TEST_EXAMPLES, TEST_EXAMPLES))
    x = model.observe(test.inputs)
    parts = x.split(BATCH)
    told = counted(parts, len(parts), "computing likelihoods, in batches")
    found = torch.cat([model.log_likelihood(part).double() for part in told]) - model.log_det_scale
    train = model.observe(source.train.evenly_spaced(BASELINE_EXAMPLES).inputs)
    pictures = are_pictures(source.info.shape, source.info.dtype)
    name = "independent pixels" if pictures else "independent inputs"
    measured = measurement(found, {name: independent_log_likelihood(model, train, x)})
    notes = [model.likelihood_note] if model.likelihood_note else []
    if model.binary:
        notes.append("every pixel binarised once, at random")
    if model.discrete:
        bits = -measured["value"] / x[0].numel() / math.log(2)
        notes.append(f"{bits:.3f} bits a number")
    if notes:
        measured["note"] = ", ".join(notes)
    return {"log-likelihood": measured}


def check(model: Likelihood, source: Dataset) -> None:
    """The seed decides it, it is finite, and no probability is above 1."""
    both = []
    for _ in range(2):
        with fork_rng(seed=0):
            both.append(model.log_likelihood(model.observe(source.train.inputs[:5])))
    first, again = both
    assert first.shape == (5,), f"the likelihood has shape {tuple(first.shape)}"
    assert first.isfinite().all(), "the likelihood must be finite"
    assert torch.equal(first, again), "the same seed must give the same likelihood"
    assert not (model.binary or model.discrete) or (first <= 0).all(), "a probability is above 1"
