"""What a sweep has found so far: its trials, the best of them, and its runs."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Self

import optuna
from optuna.trial import FrozenTrial, TrialState

import rockfall
from rockfall import RockfallError, Run
from rockfall.kit.files import read_json
from rockfall.verbs import RunDirectory
from rockfall_sweeps.driver import ERROR
from rockfall_sweeps.journal import read_storage
from rockfall_sweeps.request import JOURNAL, WINNER, Request


class Study:
    """A sweep's folder. folder: where it is. request: what was asked. optuna: Optuna's study."""

    def __init__(self, folder: Path, request: Request, study: optuna.Study) -> None:
        self.folder, self.request, self.optuna = folder, request, study

    @classmethod
    def open(cls, folder: Path) -> Self:
        """One that lies in a folder, to look at. Raises RockfallError if it is damaged."""
        request = Request.read(folder)
        storage = read_storage(folder / JOURNAL, request.storage)
        try:
            study = optuna.load_study(study_name=folder.name, storage=storage, sampler=_NONE)
        except KeyError:
            raise RockfallError(f"{folder / JOURNAL} knows of no sweep {folder.name}") from None
        return cls(folder, request, study)

    @cached_property
    def trials(self) -> list[FrozenTrial]:
        """All, by number."""
        return self.optuna.get_trials(deepcopy=False)

    def of(self, *states: TrialState) -> list[FrozenTrial]:
        return [trial for trial in self.trials if trial.state in states]

    @property
    def best(self) -> FrozenTrial | None:
        """The trial whose mean is best; None while none has finished."""
        sign = -1 if self.request.lowest else 1
        finished = [each for each in self.of(TrialState.COMPLETE) if each.value is not None]
        return max(finished, key=lambda each: sign * _value(each), default=None)

    @property
    def best_settings(self) -> dict[str, Any]:
        """Of the best trial. Raises RockfallError while none has finished."""
        return dict(self._best().params)

    @property
    def best_value(self) -> float:
        """Its mean over the seeds, of the metric, on validation."""
        return _value(self._best())

    @property
    def best_error(self) -> float:
        """The standard error of that mean; 0 with one seed."""
        return float(self._best().user_attrs.get(ERROR, 0.0))

    @property
    def best_run(self) -> Run:
        """The run of the best trial, with several seeds that of the first, opened."""
        return rockfall.open_run(self.runs_of(self._best())[0].path)

    @property
    def figures(self) -> dict[str, Any]:
        """What was measured of the best trial on the test examples, once the sweep had ended."""
        path = self.folder / WINNER
        found: dict[str, Any] = read_json(path) if path.exists() else {}
        return found

    def runs_of(self, trial: FrozenTrial) -> list[RunDirectory]:
        """The runs of a trial, one a seed, as far as they have begun."""
        seeds = range(self.request.seeds)
        paths = [self.folder / self.request.run_name(trial.number, seed) for seed in seeds]
        return [RunDirectory(path) for path in paths if (path / "run.json").exists()]

    def settings_of(self, trial: FrozenTrial) -> dict[str, Any]:
        return self.request.settings_of(trial.params)

    def _best(self) -> FrozenTrial:
        if self.best is None:
            raise RockfallError(f"no trial of {self.folder.name} has finished yet")
        return self.best

    def __repr__(self) -> str:
        return f"<Study {self.folder.name}: {len(self.trials)} trials>"


_NONE = optuna.samplers.RandomSampler()
"""A study to look at proposes nothing."""


def _value(trial: FrozenTrial) -> float:
    assert trial.value is not None
    return trial.value
