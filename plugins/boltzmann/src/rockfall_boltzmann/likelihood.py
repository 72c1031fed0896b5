"""Capability `normalises`: a model whose partition function can be computed or estimated.

Its score is the log-likelihood of the test split, log p(v) = −F(v) − log Z in nats an example,
beside that of a model whose inputs are independent of one another.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall import Dataset, Measurements, fork_rng, measurement
from rockfall.kit.drawing import are_pictures
from rockfall_boltzmann.ais import LogPartition

BATCH_SIZE = 1000


@runtime_checkable
class Normalises(Protocol):
    """A model whose partition function can be computed or estimated."""

    binary: bool
    """Whether v is binary, so that p(v) is a probability, not a density."""

    def visible_states(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → v (N, D). Where v is binary, it is sampled from
        torch's global generator with the inputs as probabilities.
        """

    def free_energy(self, v: Tensor, /) -> Tensor:
        """v (N, D) → F (N,), log p(v) = −F(v) − log Z."""

    def log_partition(self) -> LogPartition:
        """log Z and its error; an estimate draws from torch's global generator."""

    def independent_log_likelihood(self, v: Tensor, /) -> Tensor:
        """v (N, D) → log p (N,) of independent inputs with the training data's means."""


def evaluate(
    model: Normalises, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """Log-likelihood of the test split. Its error combines that of the mean over the examples and
    that of log Z, which is also given by itself, as `log_partition`.
    """
    partition = model.log_partition()
    likelihoods, baselines = [], []
    for part in torch.split(source.test.evenly_spaced(limit).inputs, BATCH_SIZE):
        v = model.visible_states(part)
        likelihoods.append(-model.free_energy(v).double() - partition.value)
        baselines.append(model.independent_log_likelihood(v))
    pictures = are_pictures(source.info.shape, source.info.dtype)
    name = "independent pixels" if pictures else "independent inputs"
    found = measurement(torch.cat(likelihoods), {name: torch.cat(baselines)})
    found["error"] = (found["error"] ** 2 + partition.error**2) ** 0.5
    found["log_partition"] = partition._asdict()
    found["note"] = _note(partition)
    return {"log-likelihood": found}


def check(model: Normalises, source: Dataset) -> None:
    """log Z is finite and deterministic under a seed; no binary v has a probability above 1."""
    estimates = []
    for _ in range(2):
        with fork_rng(seed=0):
            estimates.append(model.log_partition())
    first, again = estimates
    assert first == again, "the same seed must give the same log Z"
    assert first.error >= 0, f"log Z has the error {first.error}"
    v = model.visible_states(source.train.inputs[:5])
    for likelihoods in (
        -model.free_energy(v) - first.value,
        model.independent_log_likelihood(v),
    ):
        assert likelihoods.shape == (5,), f"the likelihood has shape {tuple(likelihoods.shape)}"
        assert likelihoods.isfinite().all(), "likelihoods must be finite"
        largest = 5 * first.error + 1e-3
        assert not model.binary or (likelihoods <= largest).all(), "a probability is above 1"


def _note(partition: LogPartition) -> str:
    if not partition.chains:
        return f"log Z {partition.value:.2f} exact"
    return (
        f"log Z {partition.value:.2f} ± {partition.error:.2g} by AIS, effective sample size "
        f"{partition.effective:.0f} of {partition.chains}"
    )
