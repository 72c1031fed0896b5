"""CPU seconds to fit an RBM: Rockfall beside scikit-learn's `BernoulliRBM`.

The same data in float32, hidden units, batch size, step size and number of updates, one thread,
taking turns. Rockfall is `rockfall.train` with the defaults of `rbm`, from its start to its last
checkpoint, with all that it logs and saves; scikit-learn is `fit`. Then the pseudo-likelihood of
test pictures (Besag 1975), by both machines' weights, exactly: of every pixel, given all others.

CPU seconds are those of `time.process_time`; ratios are medians over the rounds, each taken within
one, after one round that warms up.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.neural_network import BernoulliRBM

import rockfall
from rockfall.registry import registry
from rockfall.sources.dataset import Dataset, Split
from rockfall.specs import DatasetSpec
from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.machine import Median
from tests.benchmarks.report import Table, script

Array = NDArray[np.float32]

LR = 0.1
"""Both have it as their default."""


class Case(NamedTuple):
    source: str
    hidden: int
    batch_size: int
    epochs: int
    goal: float


CASES = (
    Case("digits", 100, 10, 100, 3.0),
    Case("digits", 256, 10, 100, 3.0),
    Case("mnist-sized", 500, 100, 1, 3.0),
)
SHOWN = 500
"""Test pictures that the pseudo-likelihood is taken over."""


def mnist_sized() -> Dataset:
    """60,000 pictures (1, 28, 28) of blots, a fifth of them ink: what is drawn costs nothing."""
    generator = torch.Generator().manual_seed(0)

    def split(count: int) -> Split:
        coarse = torch.rand(count, 1, 7, 7, generator=generator)
        ink = torch.nn.functional.interpolate(coarse, (28, 28), mode="bilinear")
        pictures = ((ink - 0.6) * 800).clamp(0, 255).byte()
        return Split(pictures, torch.full((count,), -1))

    splits = {"train": split(60_000), "validation": split(1000), "test": split(1000)}
    return Dataset("mnist-sized", splits, kinds=("pictures",))


def register_mnist_sized() -> None:
    spec = DatasetSpec(
        name="mnist-sized",
        summary="as many pictures as MNIST has",
        target="tests.benchmarks.boltzmann_speed:mnist_sized",
        kinds=("pictures",),
        licence="CC0",
    )
    registry().datasets.add("tests", spec)


class Fitted(NamedTuple):
    """CPU seconds, and what was learned: W (D, M), b (D,), c (M,)."""

    seconds: float
    weight: Array
    visible_bias: Array
    hidden_bias: Array


def fit_rockfall(case: Case, seed: int) -> Fitted:
    settings = {
        "hidden": case.hidden,
        "batch_size": case.batch_size,
        "epochs": case.epochs,
        "lr": LR,
    }
    run, _, seconds = trained("rbm", case.source, config=settings, seed=seed)
    model: Any = run.model
    learned = (model.weight, model.visible_bias, model.hidden_bias)
    return Fitted(seconds, *(part.detach().numpy() for part in learned))


def fit_sklearn(case: Case, data: Array, seed: int) -> Fitted:
    machine = BernoulliRBM(
        case.hidden,
        learning_rate=LR,
        batch_size=case.batch_size,
        n_iter=case.epochs,
        random_state=seed,
    )
    begun = time.process_time()
    machine.fit(data)
    seconds = time.process_time() - begun
    return Fitted(
        seconds,
        machine.components_.T,
        machine.intercept_visible_,
        machine.intercept_hidden_,
    )


def pseudo_likelihood(machine: Fitted, data: Array) -> float:
    """Mean over rows v (N, D) of Σ_i log σ(F(v with pixel i flipped) − F(v)), in nats."""

    def free_energy(v: Array) -> Array:
        inputs = v @ machine.weight + machine.hidden_bias
        energy: Array = -v @ machine.visible_bias - np.logaddexp(0, inputs).sum(1)
        return energy

    before = free_energy(data)
    total = np.zeros(len(data))
    for pixel in range(data.shape[1]):
        flipped = data.copy()
        flipped[:, pixel] = 1 - flipped[:, pixel]
        total -= np.logaddexp(0, before - free_energy(flipped))
    return float(total.mean())


def row(case: Case, rounds: int) -> list[Any]:
    source: Any = rockfall.open_source(case.source)
    train, test = (
        split.inputs.flatten(1).numpy().astype(np.float32) / 255
        for split in (source.train, source.test)
    )
    pairs = [(fit_rockfall(case, n), fit_sklearn(case, train, n)) for n in range(rounds + 1)][1:]
    likelihoods = [
        statistics.mean(pseudo_likelihood(machine, test[:SHOWN]) for machine in machines)
        for machines in zip(*pairs, strict=True)
    ]
    updates = -(-len(train) // case.batch_size) * case.epochs
    ours, theirs = (
        Median([machine.seconds / updates * 1e6 for machine in machines])
        for machines in zip(*pairs, strict=True)
    )
    ratio = Median([their.seconds / our.seconds for our, their in pairs])
    size = f"{len(train):,} × {train.shape[1]} × {case.hidden}, batch {case.batch_size}"
    speeds = [ours, theirs, ratio.shown(".2f", " ×"), f"{case.goal:g} ×"]
    return [size, f"{updates:,}", *speeds, *(f"{value:.2f}" for value in likelihoods)]


def measure(options: argparse.Namespace) -> list[Table]:
    register_mnist_sized()
    headers = [
        "examples × visible × hidden",
        "updates",
        "Rockfall, µs an update",
        "`BernoulliRBM`",
        "ratio",
        "goal",
        "pseudo-likelihood, Rockfall",
        "`BernoulliRBM`",
    ]
    rows = [row(case, options.repeats) for case in CASES]
    note = "Pseudo-likelihoods are nats a test picture, means over the rounds; higher is better."
    return [Table("RBMs: CPU time beside scikit-learn", headers, rows, note)]


if __name__ == "__main__":
    script(__doc__, measure, repeats=5)
