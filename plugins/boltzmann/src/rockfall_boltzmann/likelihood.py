"""`normalises`: knows its partition function. Its figure is the log-likelihood of the test split.

log p(v) = −F(v) − log Z in nats an example, beside that of inputs that know nothing of one another.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall import Dataset, Measurements, fork_rng, measurement
from rockfall.kit.drawing import are_pictures
from rockfall_boltzmann.ais import Partition

BATCH = 1000


@runtime_checkable
class Normalises(Protocol):
    """Knows its partition function."""

    binary: bool
    """Whether v is of zeros and ones, so that p(v) is a probability, not a density."""

    def drawn(self, inputs: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them → v (N, D). Where v is binary, it is drawn from
        torch's global generator with the inputs as probabilities.
        """

    def free_energy(self, v: Tensor, /) -> Tensor:
        """v (N, D) → F (N,), log p(v) = −F(v) − log Z."""

    def log_partition(self) -> Partition:
        """log Z and its error; an estimate draws from torch's global generator."""

    def independent(self, v: Tensor, /) -> Tensor:
        """v (N, D) → log p (N,) by the means of the training data alone."""


def evaluate(
    model: Normalises, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """Log-likelihood of the test split. The error is that of the mean over the examples and that
    of log Z; the latter also stands by itself, as `log_partition`.
    """
    partition = model.log_partition()
    mine, theirs = [], []
    for part in torch.split(source.test.evenly_spaced(limit).inputs, BATCH):
        v = model.drawn(part)
        mine.append(-model.free_energy(v).double() - partition.value)
        theirs.append(model.independent(v))
    pictures = are_pictures(source.info.shape, source.info.dtype)
    name = "independent pixels" if pictures else "independent inputs"
    found = measurement(torch.cat(mine), {name: torch.cat(theirs)})
    found["error"] = (found["error"] ** 2 + partition.error**2) ** 0.5
    found["log_partition"] = partition._asdict()
    found["note"] = _note(partition)
    return {"log-likelihood": found}


def check(model: Normalises, source: Dataset) -> None:
    """log Z is finite and the seed decides it; no binary v has a probability above 1."""
    given = []
    for _ in range(2):
        with fork_rng(seed=0):
            given.append(model.log_partition())
    first, again = given
    assert first == again, "the same seed must give the same log Z"
    assert first.error >= 0, f"log Z has the error {first.error}"
    v = model.drawn(source.train.inputs[:5])
    for said in (-model.free_energy(v) - first.value, model.independent(v)):
        assert said.shape == (5,), f"the likelihood has shape {tuple(said.shape)}"
        assert said.isfinite().all(), "likelihoods must be finite"
        most = 5 * first.error + 1e-3
        assert not model.binary or (said <= most).all(), "a probability is above 1"


def _note(partition: Partition) -> str:
    if not partition.chains:
        return f"log Z {partition.value:.2f} exact"
    return (
        f"log Z {partition.value:.2f} ± {partition.error:.2g} by annealing, "
        f"{partition.effective:.0f} of {partition.chains} chains count"
    )
