"""Which trials are ended early, by what they are worth at equal parts of their training."""

from __future__ import annotations

import zlib

from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

RUNGS = 20
"""Equal parts of a training, after each but the last of which a trial may be pruned."""
STARTUP = 5
"""Trials before the first that is pruned by the median: that of fewer says little."""
WARMUP = RUNGS // 5
"""Parts of a training in which none is pruned by the median: some begin slowly and end well."""
FIRST = 2
"""The part of a training after which halving begins."""


def make_pruner(name: str) -> BasePruner:
    """By rungs from 1 to RUNGS, as trials report them."""
    if name == "median":
        return MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=WARMUP)
    if name == "halving":
        return Halving(brackets=1)
    if name == "hyperband":
        return Halving(brackets=3)
    return NopPruner()


class Halving(BasePruner):
    """Asynchronous successive halving (Li et al. 2020, "A System for Massively Parallel
    Hyperparameter Tuning"): after 2, 4, 8 and 16 parts of a training goes on who is in the better
    half of those that have come so far.

    With several brackets it is Hyperband (Li et al. 2018): every other trial, by chance, is spared
    the first of these, and some the first two.

    Optuna's own notes in the journal that a trial has passed before it says whether it is pruned,
    so that one which was killed between the two would go on. This one notes nothing: asked again,
    it gives the same answer.
    """

    def __init__(self, brackets: int) -> None:
        self.brackets = brackets

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        rung = trial.last_step
        bracket = self.bracket(study, trial)
        if rung is None or rung not in halvings(bracket):
            return False
        values = [
            each.intermediate_values[rung]
            for each in study.get_trials(deepcopy=False)
            if rung in each.intermediate_values
            and each.number != trial.number
            and self.bracket(study, each) == bracket
        ]
        sign = -1 if study.direction == StudyDirection.MINIMIZE else 1
        value = trial.intermediate_values[rung]
        better = sum(sign * other > sign * value for other in values)
        return better >= max(1, (len(values) + 1) // 2)

    def bracket(self, study: Study, trial: FrozenTrial) -> int:
        """By chance, but always the same."""
        return zlib.crc32(f"{study.study_name}_{trial.number}".encode()) % self.brackets


def halvings(bracket: int) -> list[int]:
    """The rungs at which a trial has to be in the better half."""
    return [rung for power in range(5) if (rung := FIRST ** (power + 1 + bracket)) < RUNGS]
