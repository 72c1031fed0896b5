"""Which settings are tried next: Optuna's samplers, made anew for every trial.

A sampler that goes on drawing from one generator proposes other settings after a restart: with the
same seed, trial 0 again. So each trial gets a sampler of its own, seeded by the sweep's seed and
the trial's number, and whatever else it knows it reads off the trials before.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    IntDistribution,
)
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    SuccessiveHalvingPruner,
)
from optuna.samplers import BaseSampler, GridSampler, RandomSampler, TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from rockfall import UsageError
from rockfall_sweeps.space import Space

RUNGS = 20
"""Equal parts of a training, after each but the last of which a trial may be pruned."""
STARTUP = 5
"""Trials before the first that is pruned: the median of fewer says little."""
WARMUP = RUNGS // 5
"""Parts of a training in which none is pruned by the median: some begin slowly and end well."""
POINTS = 5
"""Of a range, in a grid."""
MOST_GRID = 100_000


def make_sampler(name: str, seed: int, trial: int, space: Space, *, parallel: bool) -> BaseSampler:
    """The sampler of one trial.

    parallel: whether others are running meanwhile, which TPE then takes for bad ones, so that it
    proposes something else.
    """
    own = int(np.random.SeedSequence((seed, trial)).generate_state(1)[0])
    if name == "random":
        return RandomSampler(seed=own)
    if name == "grid":
        return GridSampler(grid(space), seed=seed)
    if name == "cmaes":
        return CmaEs(own, space)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that constant_liar is experimental
        return TPESampler(seed=own, constant_liar=parallel)


def make_pruner(name: str) -> BasePruner:
    """By rungs from 1 to RUNGS, as trials report them."""
    if name == "median":
        return MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=WARMUP)
    if name == "halving":
        return SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    if name == "hyperband":
        return HyperbandPruner(min_resource=1, max_resource=RUNGS, reduction_factor=3)
    return NopPruner()


def grid(space: Space) -> dict[str, Sequence[Any]]:
    """The values of each setting, of a range POINTS evenly spaced ones.

    Raises UsageError for more than MOST_GRID combinations.
    """
    found: dict[str, Sequence[Any]] = {name: _points(each) for name, each in space.items()}
    if (size := int(np.prod([len(each) for each in found.values()]))) > MOST_GRID:
        raise UsageError(f"a grid of {size:,} settings: list fewer values, or take --sampler tpe")
    return found


def _points(distribution: Any) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    values = [from_unit(distribution, share) for share in np.linspace(0, 1, POINTS)]
    return list(dict.fromkeys(values))


class CmaEs(BaseSampler):
    """CMA-ES (Hansen and Ostermeier 2001) over the numbers of a space; choices are drawn evenly.

    Optuna's own keeps its state between trials as a pickle in the journal, and nothing here loads a
    pickle. This one has no state: the generations of the finished trials are told again to a new
    optimizer, whose only draw is the proposal.
    """

    def __init__(self, seed: int, space: Space) -> None:
        self.seed, self.space = seed, space
        self.random = RandomSampler(seed=seed)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {n: d for n, d in self.space.items() if not isinstance(d, CategoricalDistribution)}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        from cmaes import CMA

        count = len(search_space)
        optimizer = CMA(
            mean=np.full(count, 0.5),
            sigma=1 / 6,
            bounds=np.tile([0.0, 1.0], (count, 1)),
            seed=self.seed % 2**32,
        )
        sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        told = [
            (np.array([to_unit(d, each.params[n]) for n, d in search_space.items()]), each.value)
            for each in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            if each.value is not None and search_space.keys() <= each.params.keys()
        ]
        size = optimizer.population_size
        for first in range(0, len(told) - size + 1, size):
            optimizer.tell([(at, sign * value) for at, value in told[first : first + size]])
        asked = optimizer.ask()
        return {n: from_unit(d, at) for (n, d), at in zip(search_space.items(), asked, strict=True)}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self.random.sample_independent(study, trial, param_name, param_distribution)


def to_unit(distribution: Any, value: float) -> float:
    """Where in its range a value lies, from 0 to 1."""
    low, high = distribution.low, distribution.high
    if distribution.log:
        return float(np.log(value / low) / np.log(high / low))
    return float((value - low) / (high - low))


def from_unit(distribution: Any, share: float) -> Any:
    """The value that lies there."""
    low, high = distribution.low, distribution.high
    share = min(max(float(share), 0.0), 1.0)
    value = low * (high / low) ** share if distribution.log else low + share * (high - low)
    value = min(max(value, low), high)
    return round(value) if isinstance(distribution, IntDistribution) else float(value)
