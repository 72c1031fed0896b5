"""Which settings are tried next: Optuna's samplers, made anew for every proposal.

A sampler that goes on drawing from one generator proposes other settings after a restart: with the
same seed, trial 0 again. And if it was killed when half of a proposal was written, the other half
would be drawn with the numbers of the first. So each setting of each trial gets a sampler of its
own, seeded by the sweep's seed, the trial's number and the setting's place, and whatever else it
knows it reads off the trials before.
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
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from rockfall import UsageError
from rockfall_sweeps.space import Space

POINTS = 5
"""Of a range, in a grid."""
MOST_GRID = 100_000


def make_sampler(
    name: str, seed: int, trial: int, setting: int, space: Space, *, parallel: bool
) -> BaseSampler:
    """The sampler of one setting of one trial.

    setting: its place in the space. parallel: whether others are running meanwhile, which TPE then
    takes for bad ones, so that it proposes something else.
    """
    own = _seed(seed, trial, setting)
    if name == "random":
        return RandomSampler(seed=own)
    if name == "grid":
        return Grid(grid(space), seed)
    if name == "cmaes":
        return CmaEs(_seed(seed, trial), RandomSampler(seed=own), space)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that constant_liar is experimental
        return TPESampler(seed=own, constant_liar=parallel)


def _seed(*words: int) -> int:
    return int(np.random.SeedSequence(words).generate_state(1)[0])


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


class Grid(BaseSampler):
    """All combinations, each once, in an order that the seed decides. Optuna's own stops the study
    by a call that is only for its own loop.
    """

    def __init__(self, values: dict[str, Sequence[Any]], seed: int) -> None:
        self.values = values
        self.shape = [len(each) for each in values.values()]
        self.order = np.random.default_rng(seed).permutation(int(np.prod(self.shape)))

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        place = np.unravel_index(self.order[trial.number % len(self.order)], self.shape)
        return self.values[param_name][int(place[list(self.values).index(param_name)])]


class CmaEs(BaseSampler):
    """CMA-ES (Hansen and Ostermeier 2001) over the numbers of a space; choices are drawn evenly.

    Optuna's own keeps its state between trials as a pickle in the journal, and nothing here loads a
    pickle. This one has no state: the generations of the finished trials are told again to a new
    optimizer, whose only draw is the proposal.
    """

    def __init__(self, seed: int, random: RandomSampler, space: Space) -> None:
        self.seed, self.random, self.space = seed, random, space

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
            seed=self.seed,
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
